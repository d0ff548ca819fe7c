"""The grain of amorphous ice, which shows as a ring near 3.7 Å in a micrograph's power spectrum.

It is finer than what a network on pixels of 3 Å sees, and it is signal: two halves share it. How
strong it is a micrograph says itself, by the power above the noise on both sides of the ring. A
parametric Wiener filter passes it on, S / (S + (1 + µ) N) (Lim & Oppenheim 1979, Proc. IEEE 67,
1586), µ > 0 because the noise in it is fine grain that an eye takes for detail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cryoden.compute.devices import later
from cryoden.denoising.ring_filter import RingFilter, quick
from cryoden.image.fourier_rings import neighbors_averaged, ring_index
from cryoden.image.normalization import CLIP, Normalization
from cryoden.image.tiling import mirrored
from cryoden.kernels.image_passes import Passes, statistics
from cryoden.micrograph import Array

RING = (5.0, 3.1)  # Å
NOISE = ((7.0, 5.0), (3.1, 2.2))  # Å, where there is little else
DEGREE = 3  # of the logarithm of the noise's power, over the frequency
CAUTION = 1.0  # µ
EDGE, ACROSS = 256, 8  # px of a block; blocks along a side at most
REACH = 2  # rings at each side that are averaged
SURE, LEAST = 4.0, 0.01  # standard errors, and share of the noise, below which a ring is none
UNUSUAL = 1.5  # times the fine power of most blocks; crystals and gold have more
MARGIN = 64  # px the image is mirrored by
ROWS, LARGE_ROWS = {"cpu": 1024}, 4096  # that are filtered at a time


@dataclass(frozen=True)
class Spectrum:
    """Power of an image in each ring, which may still be on its way from the device.

    Parameters
    ----------
    pending : callable
        Returns the ``(256, 129)`` mean power of the blocks.
    blocks : int
        How many there are.
    """

    pending: Callable[[], Tensor]
    blocks: int

    @cached_property
    def power(self) -> Array:
        """``(129,)`` at the frequencies from 0 to 1/2 cycle per px; of white noise its variance."""
        ring, counts = _rings()
        sums = np.bincount(ring, self.pending().double().numpy().ravel())[: EDGE // 2 + 1]
        return np.asarray(sums / counts, np.float64)

    @property
    def counts(self) -> Array:
        """``(129,)`` numbers of independent values in each ring."""
        return np.asarray(2.0 * _rings()[1] * self.blocks, np.float64)


def spectrum(image: Tensor) -> Spectrum | None:
    """Return the spectrum of ``(h, w)`` raw pixels; ``None`` with less than 256 px a side.

    Blocks are spread evenly over the image; those with crystals or gold in them do not count.
    Nothing waits for a GPU before the power is asked for.
    """
    if min(image.shape) < EDGE:
        return None
    power, blocks = mean_power(image)
    return Spectrum(later(power), blocks)


def blocks_of(shape: tuple[int, int]) -> int:
    """Return how many blocks of an image are looked at."""
    return _across(shape[0]) * _across(shape[1])


def _across(side: int) -> int:
    return max(1, min(ACROSS, 2 * side // EDGE - 1))


def mean_power(image: Tensor) -> tuple[Tensor, int]:
    """Return the ``(256, 129)`` mean power of the blocks of `spectrum`, and how many there are."""
    tops, lefts = (np.linspace(0, side - EDGE, _across(side)).astype(int) for side in image.shape)
    blocks = torch.stack([image[top : top + EDGE, left : left + EDGE] for top, left in product(tops, lefts)])
    window = torch.hann_window(EDGE, device=image.device)
    window = window[:, None] * window / window.square().mean()
    waves = torch.fft.rfft2((blocks - blocks.mean((1, 2), keepdim=True)) * window, norm="ortho")
    return _of_most(waves.abs().square_()), len(blocks)


def _of_most(power: Tensor) -> Tensor:
    """Return the mean power of ``(n, h, w)`` blocks, without those that have far more noise than most."""
    fine = power[:, EDGE // 4 : -EDGE // 4].mean((1, 2))
    usual = (fine <= UNUSUAL * fine.median()).to(power)
    return (power * (usual / usual.sum())[:, None, None]).sum(0)


def gains(seen: Spectrum, pixel_size: float) -> Array | None:
    """Return by what to multiply each frequency of what a network took for noise.

    Parameters
    ----------
    seen : Spectrum
        Of the raw pixels.
    pixel_size : float
        Å/px.

    Returns
    -------
    ndarray or None
        ``(129,)`` gains at the frequencies from 0 to 1/2 cycle per px; ``None`` where no ring
        is seen, or could not be: pixels larger than about 1.4 Å.
    """
    frequencies = np.arange(EDGE // 2 + 1) / (EDGE * pixel_size)
    sides = [(frequencies > 1 / coarse) & (frequencies < 1 / fine) for coarse, fine in NOISE]
    sides[1] &= frequencies < 0.95 * frequencies[-1]
    if min(side.sum() for side in sides) <= DEGREE:
        return None
    above = _above_noise(frequencies, seen, sides[0] | sides[1])
    inside = (frequencies > 1 / RING[0]) & (frequencies < 1 / RING[1])
    above, counts = neighbors_averaged(np.where(inside, above, 0), seen.counts, REACH)
    above[above < np.maximum(LEAST, SURE / np.sqrt(counts / 2))] = 0
    found = np.asarray(above / (above + 1 + CAUTION), np.float64)
    return found if found.any() else None


def restored(signal: Tensor, raw: Tensor, gray: Normalization, response: Array | Tensor) -> Tensor:
    """Return the signal with the grain of ice that was removed from it.

    Parameters
    ----------
    signal : Tensor
        ``(h, w)`` denoised, z-scored.
    raw : Tensor
        ``(h, w)`` before denoising, in its own gray scale.
    gray : Normalization
        That gray scale.
    response : ndarray or Tensor
        From `gains`.

    Returns
    -------
    Tensor
        ``(h, w)``. Bands of rows are filtered one after the other, to save memory.
    """
    result, shape = torch.empty_like(signal), _shape(signal)
    grain = _Grain(shape, torch.as_tensor(response).to(signal))
    columns = mirrored(signal.shape[1], -MARGIN, shape[1] - MARGIN, signal.device)
    for top, bottom in _bands(signal):
        rows = mirrored(len(signal), top - MARGIN, top - MARGIN + shape[0], signal.device)
        removed = gray.apply(raw[rows])
        removed -= signal[rows]
        inner = grain.of(removed[:, columns])[: bottom - top, : signal.shape[1]]
        torch.add(signal[top:bottom], inner, out=result[top:bottom])
    return result


def restored_by(
    own: Passes, signal: Tensor, raw: Tensor, gray: Tensor, response: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return what `restored` does in the micrograph's gray scale, and its least, most, mean and variance.

    Parameters
    ----------
    own : Passes
        Of the GPU that the others lie on.
    gray : Tensor
        The gray scale as passes take it.
    response : Tensor or None
        ``None`` where no ring is seen.
    """
    result, told, shape = torch.empty_like(signal), [], _shape(signal)
    grain = None if response is None else _Grain(shape, response)
    for top, bottom in _bands(signal):
        added = None
        if grain is not None:
            removed = own.removed(raw, signal, (gray, CLIP), (top, MARGIN), shape)
            added = grain.of(removed)[: bottom - top, : signal.shape[1]]
        told.append(own.restored(signal[top:bottom], added, gray, result[top:bottom]))
    return result, statistics(torch.cat(told), gray[0], raw.numel())


class _Grain:
    """What is grain of ice in bands of one shape, with margins."""

    def __init__(self, shape: tuple[int, int], response: Tensor) -> None:
        self._shape, self._filter = shape, RingFilter(*shape, response)

    def of(self, removed: Tensor) -> Tensor:
        """Return it without the margin above and at the left."""
        whole: Tensor = torch.fft.irfft2(self._filter(torch.fft.rfft2(removed)), s=self._shape)
        return whole[MARGIN:, MARGIN:]


def _bands(signal: Tensor) -> Iterator[tuple[int, int]]:
    """Yield the first and the last row of bands that are filtered one after the other."""
    height, at_a_time = len(signal), _at_a_time(signal)
    return ((top, min(top + at_a_time, height)) for top in range(0, height, at_a_time))


def _shape(signal: Tensor) -> tuple[int, int]:
    """Return the shape of a band with its margins."""
    return quick(_at_a_time(signal) + 2 * MARGIN), quick(signal.shape[1] + 2 * MARGIN)


def _at_a_time(signal: Tensor) -> int:
    return min(len(signal), ROWS.get(signal.device.type, LARGE_ROWS))


@cache
def _rings() -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the ring of each coefficient of a block, and how many are in each up to Nyquist."""
    ring = ring_index(np.fft.fftfreq(EDGE), np.fft.rfftfreq(EDGE), EDGE)
    return ring, np.bincount(ring)[: EDGE // 2 + 1]


def _above_noise(frequencies: Array, seen: Spectrum, noise: NDArray[np.bool_]) -> Array:
    """Return the power above the noise, over the noise, which is smooth on a logarithmic scale."""
    fit = np.polynomial.Polynomial.fit(
        frequencies[noise], np.log(seen.power[noise]), DEGREE, w=np.sqrt(seen.counts[noise])
    )
    return np.asarray(seen.power / np.exp(fit(frequencies)) - 1, np.float64)
