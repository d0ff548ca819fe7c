"""Power in rings of spatial frequency, the ground that spectra, filters and measures stand on.

Frequencies are physical, so an image need not be square. Before a transform the mean is taken out
and the outer eighth of each side falls off as a cosine: without that, borders which do not match
write a cross over all frequencies, and two halves share it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cryoden.image.correlation import normalized
from cryoden.micrograph import Array, Pixels

MARGIN = 1 / 8  # of a side, at each end
LEAST = 8  # pixels a side
BAND = 128  # rows of coefficients that are summed at a time
Coefficients = NDArray[np.complex64]


@dataclass(frozen=True, eq=False)
class CrossPower:
    """Power that images share, for every two of ``m`` images.

    Parameters
    ----------
    frequencies : ndarray
        ``(n,)`` centers of the rings in 1/Å, from the first to the Nyquist frequency.
    counts : ndarray
        ``(n,)`` Fourier coefficients in each ring, of which half are independent.
    power : ndarray
        ``(m, m, n)``; the diagonal holds each image's own power. White noise of variance v has v.
    """

    frequencies: Array
    counts: Array
    power: Array

    def correlation(self, one: int, other: int) -> Array:
        """Return the ``(n,)`` Fourier ring correlation of two of the images; 0 where one is empty."""
        return normalized(self.power[one, other], self.power[one, one], self.power[other, other])


def cross_power(images: Sequence[Pixels], pixel_size: float) -> CrossPower:
    """Measure the power that images share in each ring.

    Parameters
    ----------
    images : sequence of ndarray
        ``(h, w)``, all of one shape.
    pixel_size : float
        Å/px.

    Returns
    -------
    CrossPower
        Rings are as wide as one period over the shorter side.

    Raises
    ------
    ValueError
        For images of different shapes, and for less than 8 pixels a side.
    """
    shape = _one_shape(images)
    transforms = [transform(tapered(image)) for image in images]
    many, last = len(images), min(shape) // 2
    pairs = [(i, j) for i in range(many) for j in range(i, many)]
    sums, counts = np.zeros((many, many, last + 1)), np.zeros(last + 1)
    for start in range(0, shape[0], BAND):
        index, weights = _rings(shape, slice(start, start + BAND))
        counts += np.bincount(index, weights, last + 1)[: last + 1]
        bands = [each[start : start + BAND].ravel() for each in transforms]
        for i, j in pairs:
            shared = (bands[i] * bands[j].conj()).real * weights
            sums[i, j] += np.bincount(index, shared, last + 1)[: last + 1]
    for i, j in pairs:
        sums[j, i] = sums[i, j]
    power = sums[..., 1:] / (counts[1:] * tapered_power(shape))
    return CrossPower(np.arange(1, last + 1) / (min(shape) * pixel_size), counts[1:], power)


def transform(image: Pixels) -> Coefficients:
    """Return the ``(h, w // 2 + 1)`` Fourier coefficients; white noise of variance v has power v.

    Unscaled transforms of float32 pixels numpy computes in double precision, at six times the
    time and three times the memory; hence the scaling, which keeps what is float32 so.
    """
    return np.asarray(np.fft.rfft2(image, norm="ortho"), np.complex64)


def inverse(coefficients: Coefficients, shape: tuple[int, ...]) -> Pixels:
    """Return the ``(h, w)`` image whose `transform` this is."""
    return np.asarray(np.fft.irfft2(coefficients, s=shape, norm="ortho"), np.float32)


def tapered(image: Pixels) -> Pixels:
    """Return the ``(h, w)`` image without its mean, falling to 0 at its borders."""
    faded = (image - np.float32(image.mean(dtype=np.float64))).astype(np.float32, copy=False)
    for axis, side in enumerate(image.shape):
        faded *= np.expand_dims(tapering(side), 1 - axis)
    return faded


def tapered_power(shape: tuple[int, ...]) -> float:
    """Return the share of the power of white noise that `tapered` leaves."""
    return float(np.prod([np.mean(tapering(side).astype(np.float64) ** 2) for side in shape]))


def neighbors_averaged(values: Array, counts: Array, reach: int) -> tuple[Array, Array]:
    """Return running means over ``2 * reach + 1`` rings, weighted by counts, and the counts they rest on."""
    kernel = np.ones(2 * reach + 1)
    inside = slice(reach, reach + len(values))
    total = np.convolve(counts, kernel)[inside]
    return np.convolve(values * counts, kernel)[inside] / total, total


def radius(shape: tuple[int, ...]) -> Pixels:
    """Return the frequency of each coefficient of `transform`, ``(h, w // 2 + 1)`` in cycles per pixel."""
    rows, columns = np.fft.fftfreq(shape[0]), np.fft.rfftfreq(shape[1])
    return np.asarray(np.hypot(rows[:, None].astype(np.float32), columns.astype(np.float32)), np.float32)


def ring_index(rows: NDArray[Any], columns: NDArray[Any], rings: float) -> NDArray[np.intp]:
    """Return in which ring each coefficient of a transform lies, 0 being the mean.

    Parameters
    ----------
    rows, columns : ndarray
        ``(h,)`` and ``(w,)`` frequencies along the two axes.
    rings : float
        Rings that a frequency of 1 is from the mean.

    Returns
    -------
    ndarray
        ``(h * w,)``, row by row.
    """
    return np.asarray(np.rint(np.hypot(rows[:, None], columns) * rings), np.intp).ravel()


def _one_shape(images: Sequence[Pixels]) -> tuple[int, ...]:
    shapes = {image.shape for image in images}
    if len(shapes) != 1 or min(images[0].shape) < LEAST:
        raise ValueError(f"images of one shape, at least {LEAST} px a side, expected; found {sorted(shapes)}")
    return images[0].shape


def tapering(side: int) -> Pixels:
    """Return ``(side,)``: 1 inside, and half a period of a cosine at both ends."""
    ends = np.minimum((np.arange(side) + 0.5) / (side * MARGIN), 1)
    return np.asarray((1 - np.cos(np.pi * np.minimum(ends, ends[::-1]))) / 2, np.float32)


def _rings(shape: tuple[int, ...], band: slice) -> tuple[NDArray[np.intp], Pixels]:
    """Return for a band of rows of `transform` the ring of each coefficient, and how often it counts."""
    rows, columns = np.fft.fftfreq(shape[0])[band], np.fft.rfftfreq(shape[1])
    twice = (columns > 0) & (columns < 0.5)  # the other half plane is not stored
    weights = np.tile(np.where(twice, np.float32(2), np.float32(1)), len(rows))
    return ring_index(rows, columns, min(shape)), weights
