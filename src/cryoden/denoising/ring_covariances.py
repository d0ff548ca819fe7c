"""What images share in each ring of spatial frequency, summed on the device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from cryoden.compute.recorded import constant
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
    told = sums(images, weight).cpu().double().numpy()
    return from_sums(told, tuple(images.shape))


def sums(images: Tensor, weight: Tensor | None = None) -> Tensor:
    """Return on the device what `from_sums` makes covariances of; nothing waits for a GPU."""
    _, _, height, width = images.shape
    window = _window(height, width, images.device)
    window = window if weight is None else window * weight
    squares = window.square()
    waves = torch.fft.rfft2((images - _mean(images, weight)) * window, norm="ortho")
    rings = _rings(height, width, images.device)
    many = range(len(images))
    shared = {(i, j): (waves[i] * waves[j].conj()).real.mean(0) for i in many for j in many if i <= j}
    found = torch.stack([rings.sums(shared[min(i, j), max(i, j)]) for i in many for j in many])
    share = squares.mean() ** 2 / squares.square().mean()  # of the pixels that say something
    return torch.cat([found.flatten(), torch.stack([squares.mean(), share]).to(found)])


def sums_of(images: int, height: int, width: int) -> int:
    """Return how many numbers `sums` gives."""
    return images**2 * (min(height, width) // 2) + 2


def from_sums(told: Array, shape: tuple[int, ...]) -> RingCovariances:
    """Return the covariances of images of a shape from what `sums` gives."""
    images, parts, height, width = shape
    counts = _counts(height, width)
    power = told[:-2].reshape(images, images, -1) / (counts * told[-2])
    mean, number = _running(counts * told[-1] * parts / 2)
    return RingCovariances(np.arange(1, len(number) + 1) / min(height, width), mean(power), number)


def _mean(images: Tensor, weight: Tensor | None) -> Tensor:
    if weight is None:
        return images.mean((-2, -1), keepdim=True)
    return (images * weight).mean((-2, -1), keepdim=True) / weight.mean()


def usual(image: Tensor) -> Tensor:
    """Return ``(h, w)`` weights, below 1 where an image varies far more than in most places.

    Ice crystals and gold would drown what the rest of a micrograph says.
    """
    rest = [-side % PATCH for side in image.shape]
    squares = functional.pad(image.square(), (0, rest[1], 0, rest[0]))
    for axis, side in enumerate(image.shape):
        left = side - PATCH * torch.arange(squares.shape[axis] // PATCH, device=image.device)
        number = left.clamp(max=PATCH).unsqueeze(1 - axis)  # of the last patch fewer are in the image
        squares = squares.unflatten(axis, (-1, PATCH)).sum(axis + 1) / number  # type: ignore[no-untyped-call]  # torch's
    squares = squares[None, None]
    around = functional.max_pool2d(squares, 3, stride=1, padding=1)
    weights = (UNUSUAL**2 * squares.median() / around.clamp_min(1e-12)).clamp(max=1)
    return functional.interpolate(weights, size=image.shape, mode="bilinear")[0, 0]


@dataclass(frozen=True, eq=False)
class _Rings:
    """Where the coefficients of an image's real Fourier transform lie.

    ``index`` is ``(h * (w // 2 + 1),)``, and ``twice``, ``(w // 2 + 1,)``, how often a column counts.
    ``places`` are on a GPU those of each ring, filled up by one beyond the last: sums that are the same each
    time, which its histograms are not, and that no GPU is waited for.
    """

    index: Tensor
    twice: Tensor
    rings: int
    places: Tensor | None

    def sums(self, values: Tensor) -> Tensor:
        """Return ``(n,)`` sums over the rings from the first to the Nyquist frequency."""
        weighed = (values * self.twice).flatten()
        if self.places is not None:
            return functional.pad(weighed, (0, 1))[self.places].sum(dim=1, dtype=torch.float64)
        exact = torch.float32 if values.device.type == "mps" else torch.float64  # which has no other
        return torch.bincount(self.index, weighed.to(exact))[1 : self.rings + 1]


@constant(16)  # micrographs of one session have few sizes
def _rings(height: int, width: int, device: torch.device) -> _Rings:
    index, twice, rings = _index(height, width), _twice(width), min(height, width) // 2
    listed = device.type not in {"cpu", "mps"}
    places = torch.from_numpy(_places(index, rings)).to(device) if listed else None
    on_device = torch.from_numpy(twice.astype(np.float32)).to(device)
    return _Rings(torch.from_numpy(index).to(device), on_device, rings, places)


@lru_cache(maxsize=16)
def _counts(height: int, width: int) -> Array:
    """Return how many coefficients of an image are in each ring."""
    found = np.bincount(_index(height, width), np.tile(_twice(width), height))
    return np.asarray(found[1 : min(height, width) // 2 + 1], np.float64)


def _index(height: int, width: int) -> NDArray[np.intp]:
    return ring_index(np.fft.fftfreq(height), np.fft.rfftfreq(width), min(height, width))


def _twice(width: int) -> Array:
    columns = np.fft.rfftfreq(width)
    return np.where((columns > 0) & (columns < 0.5), 2.0, 1.0)


def _places(index: NDArray[np.intp], rings: int) -> NDArray[np.int64]:
    """Return ``(rings, n)``: where the coefficients of each ring lie, filled up by one beyond the last."""
    order = np.argsort(index, kind="stable")
    begins = np.searchsorted(index[order], np.arange(1, rings + 2))
    lengths = np.diff(begins)
    found = np.full((rings, lengths.max()), len(index), np.int64)
    within = np.arange(found.shape[1]) < lengths[:, None]
    found[within] = order[begins[0] : begins[-1]]
    return found


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


@constant(4)  # each is as large as an image
def _window(height: int, width: int, device: torch.device) -> Tensor:
    """Return ``(h, w)``: 1 inside, and half a period of a cosine at all sides."""
    tall, wide = (tapering(side) for side in (height, width))
    return torch.from_numpy(tall[:, None] * wide).to(device)
