"""What images share in each ring of spatial frequency, summed on the device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from cryoden.image.fourier_rings import ring_index, tapering
from cryoden.micrograph import Array

REACH = 0.12  # of a ring's frequency, at each side, that is averaged over
LEAST_REACH = 2  # rings
PATCH, UNUSUAL = 32, 1.4  # px; times the usual deviation


@dataclass(frozen=True, eq=False)
class RingCovariances:
    """Covariances of ``m`` images in rings, running means over neighboring ones.

    Parameters
    ----------
    frequencies : ndarray
        ``(n,)`` cycles per px.
    power : ndarray
        ``(m, m, n)``; white noise of variance v has v.
    number : ndarray
        ``(n,)`` of independent coefficients that each mean rests on.
    """

    frequencies: Array
    power: Array
    number: Array


def measured(images: Tensor, weight: Tensor | None = None) -> RingCovariances:
    """Return the covariances of images, faded at the borders.

    Parameters
    ----------
    images : Tensor
        ``(m, b, h, w)``: of each image ``b`` parts, over which the mean is taken.
    weight : Tensor, optional
        ``(h, w)`` of the pixels.
    """
    _, parts, height, width = images.shape
    window = _window(height, width, images.device)
    window = window if weight is None else window * weight
    squares = window.square()
    waves = torch.fft.rfft2((images - _mean(images, weight)) * window, norm="ortho")
    rings = _rings(height, width, images.device)
    many = range(len(images))
    shared = {(i, j): (waves[i] * waves[j].conj()).real.mean(0) for i in many for j in many if i <= j}
    sums = torch.stack([rings.sums(shared[min(i, j), max(i, j)]) for i in many for j in many])
    share = squares.mean() ** 2 / squares.square().mean()  # of the pixels that say something
    told = torch.cat([sums.flatten(), torch.stack([squares.mean(), share]).to(sums)]).cpu().double().numpy()
    power = told[:-2].reshape(len(images), len(images), -1) / (rings.counts * told[-2])
    mean, number = _running(rings.counts * told[-1] * parts / 2)
    return RingCovariances(np.arange(1, len(number) + 1) / min(height, width), mean(power), number)


def _mean(images: Tensor, weight: Tensor | None) -> Tensor:
    if weight is None:
        return images.mean((-2, -1), keepdim=True)
    return (images * weight).mean((-2, -1), keepdim=True) / weight.mean()


def usual(image: Tensor) -> Tensor:
    """Return ``(h, w)`` weights, below 1 where an image varies far more than in most places.

    Ice crystals and gold would drown what the rest of a micrograph says.
    """
    squares = functional.avg_pool2d(
        image.square()[None, None], PATCH, ceil_mode=True, count_include_pad=False
    )
    around = functional.max_pool2d(squares, 3, stride=1, padding=1)
    weights = (UNUSUAL**2 * squares.median() / around.clamp_min(1e-12)).clamp(max=1)
    return functional.interpolate(weights, size=image.shape, mode="bilinear")[0, 0]


@dataclass(frozen=True, eq=False)
class _Rings:
    """Where the coefficients of an image's real Fourier transform lie.

    ``index`` is ``(h * (w // 2 + 1),)``, and ``twice``, ``(w // 2 + 1,)``, how often a column counts.
    """

    index: Tensor
    twice: Tensor
    counts: Array

    def sums(self, values: Tensor) -> Tensor:
        """Return ``(n,)`` sums over the rings from the first to the Nyquist frequency."""
        exact = torch.float32 if values.device.type == "mps" else torch.float64  # which has no other
        found = torch.bincount(self.index, (values * self.twice).flatten().to(exact))
        return found[1 : len(self.counts) + 1]


@lru_cache(maxsize=16)  # micrographs of one session have few sizes
def _rings(height: int, width: int, device: torch.device) -> _Rings:
    rows, columns = np.fft.fftfreq(height), np.fft.rfftfreq(width)
    index = ring_index(rows, columns, min(height, width))
    twice = np.where((columns > 0) & (columns < 0.5), 2.0, 1.0)
    counts = np.bincount(index, np.tile(twice, height))[1 : min(height, width) // 2 + 1].astype(np.float64)
    on_device = torch.from_numpy(twice.astype(np.float32)).to(device)
    return _Rings(torch.from_numpy(index).to(device), on_device, counts)


def _running(counts: Array) -> tuple[Callable[[Array], Array], Array]:
    """Return a running mean over rings, and the counts it rests on."""
    ring = np.arange(len(counts))
    reach = np.maximum(LEAST_REACH, (REACH * (ring + 1)).astype(int))
    low, high = np.maximum(ring - reach, 0), np.minimum(ring + reach + 1, len(ring))

    def total(values: Array) -> Array:
        sums = np.cumsum(np.concatenate([np.zeros((*values.shape[:-1], 1)), values], axis=-1), axis=-1)
        return np.asarray(sums[..., high] - sums[..., low])

    number = total(counts)
    return lambda values: total(values * counts) / number, number


@lru_cache(maxsize=2)  # each is as large as an image
def _window(height: int, width: int, device: torch.device) -> Tensor:
    """Return ``(h, w)``: 1 inside, and half a period of a cosine at all sides."""
    tall, wide = (tapering(side) for side in (height, width))
    return torch.from_numpy(tall[:, None] * wide).to(device)
