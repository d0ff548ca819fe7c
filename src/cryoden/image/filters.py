"""Linear filters, the yardsticks a network has to beat."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, log, pi, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from cryoden.image.block_mean import block_mean
from cryoden.image.fourier_rings import (
    CrossPower,
    cross_power,
    inverse,
    neighbors_averaged,
    radius,
    transform,
)
from cryoden.micrograph import Array, Pixels

REACH = 4  # standard deviations after which a Gaussian is over
MIRRORED = 128  # px beyond the border that a Wiener filter sees
SAMPLES = 16  # in the resolution of a high-pass, of what it removes
OUTLIER = 7.0  # median absolute deviations, or 4.7 standard deviations of a Gaussian
LEAST_SEEN = 0.05  # of the weights of a mean
SMOOTHING = 4  # rings at each side that a gain is averaged over


def gaussian(image: Pixels, sigma: float) -> Pixels:
    """Smooth by a Gaussian.

    Parameters
    ----------
    image : ndarray
        ``(h, w)``.
    sigma : float
        Standard deviation in px; 0 changes nothing.

    Returns
    -------
    ndarray
        ``(h, w)`` float32, the image mirrored at its borders.
    """
    return _filtered(image, ceil(REACH * sigma), lambda f: np.exp(np.float32(-2 * (pi * sigma) ** 2) * f * f))


def low_passed(image: Pixels, pixel_size: float, resolution: float) -> Pixels:
    """Remove structures finer than a resolution by a Gaussian.

    Parameters
    ----------
    image : ndarray
        ``(h, w)``.
    pixel_size : float
        Å/px.
    resolution : float
        Å at which amplitudes fall to 1/2, as with the soft edge of RELION's low-pass; the
        Gaussian in the image has a standard deviation of 0.187 times as much.

    Returns
    -------
    ndarray
        ``(h, w)`` float32.
    """
    return gaussian(image, sqrt(log(2) / 2) / pi * resolution / pixel_size)


def high_passed(image: Pixels, pixel_size: float, resolution: float) -> Pixels:
    """Remove what is coarser than a resolution, such as gradients of ice thickness; the median is kept.

    What lies far from the median over many pixels, as an ice crystal, is no gradient: it stays, and around
    it nothing becomes brighter or darker.

    Parameters
    ----------
    image : ndarray
        ``(h, w)``.
    pixel_size : float
        Å/px.
    resolution : float
        Å at which amplitudes fall to 1/2.

    Returns
    -------
    ndarray
        ``(h, w)`` float32.
    """
    edge = max(1, min(int(resolution / pixel_size / SAMPLES), *image.shape))
    coarse = block_mean(image, edge).astype(np.float32)
    apart = coarse - np.median(coarse)
    usual = np.abs(apart) <= OUTLIER * max(np.median(np.abs(apart)), np.finfo(np.float32).tiny)
    seen = low_passed(usual.astype(np.float32), pixel_size * edge, resolution)
    background = low_passed(apart * usual, pixel_size * edge, resolution) / np.maximum(seen, LEAST_SEEN)
    rows, columns = (_interpolation(*sides, edge) for sides in zip(image.shape, coarse.shape, strict=True))
    wide = np.ascontiguousarray((columns @ background.T).T)
    return np.asarray(image - rows @ wide, np.float32)


def _interpolation(fine: int, coarse: int, edge: int) -> csr_array:
    """Return the ``(fine, coarse)`` weights of linear interpolation between the centers of blocks.

    Of each row all but two are zero, and of a fine high-pass there are as many columns as pixels.
    """
    centers = np.clip((np.arange(fine) + 0.5) / edge - 0.5, 0, coarse - 1)
    below = np.minimum(centers.astype(np.int64), max(0, coarse - 2))
    above = np.minimum(below + 1, coarse - 1)
    weights = np.stack([1 - (centers - below), centers - below], axis=1).astype(np.float32)
    ends = np.arange(0, 2 * fine + 1, 2)
    return csr_array((weights.ravel(), np.stack([below, above], axis=1).ravel(), ends), (fine, coarse))


@dataclass(frozen=True, eq=False)
class WienerFilter:
    """The best linear filter that treats all directions alike.

    Parameters
    ----------
    pixel_size : float
        Å/px of the images it is made for.
    frequencies : ndarray
        ``(n,)`` in 1/Å.
    gain : ndarray
        ``(n,)`` from 0 to 1, by which amplitudes are multiplied.
    """

    pixel_size: float
    frequencies: Array
    gain: Array

    def apply(self, image: Pixels) -> Pixels:
        """Return the filtered ``(h, w)`` image in its own units; its mean is kept."""
        frequencies = self.frequencies * self.pixel_size
        return _filtered(image, MIRRORED, lambda f: np.interp(f, frequencies, self.gain))


def wiener(pairs: Sequence[tuple[Pixels, Pixels]], pixel_size: float) -> WienerFilter:
    """Fit the filter that predicts one half from the other.

    The gain of each ring is cov(even, odd) / var: least squares, and the classical S / (S + N)
    because halves share the signal and nothing else.

    Parameters
    ----------
    pairs : sequence of (even, odd)
        Raw halves, ``(h, w)`` each; all of one pixel size.
    pixel_size : float
        Å/px.

    Returns
    -------
    WienerFilter
        For one half; a sum of both halves deserves a milder one.
    """
    found = [cross_power(pair, pixel_size) for pair in pairs]
    frequencies = found[0].frequencies
    shared = _summed(found, frequencies, lambda power: power[0, 1])
    total = _summed(found, frequencies, lambda power: (power[0, 0] + power[1, 1]) / 2)
    gain = np.divide(shared, total, out=np.zeros_like(total), where=total > 0)
    gain, _ = neighbors_averaged(gain, found[0].counts, SMOOTHING)
    return WienerFilter(pixel_size, frequencies, np.clip(gain, 0, 1))


def _summed(found: Sequence[CrossPower], frequencies: Array, term: Callable[[Array], Array]) -> Array:
    """Sum one term over all pairs, at the frequencies of the first."""
    terms = [np.interp(frequencies, each.frequencies, term(each.power)) for each in found]
    return np.asarray(np.sum(terms, axis=0), np.float64)


def _filtered(image: Pixels, margin: int, response: Callable[[Pixels], NDArray[np.floating]]) -> Pixels:
    """Multiply each frequency, in cycles per pixel, by its response; the mean stays, borders are mirrored."""
    mean = np.float32(image.mean(dtype=np.float64))
    rows, columns = (min(margin, side - 1) for side in image.shape)
    padded = np.pad(image - mean, ((rows, rows), (columns, columns)), mode="reflect")
    coefficients = transform(padded)
    coefficients *= response(radius(padded.shape))
    smooth = inverse(coefficients, padded.shape)
    return smooth[rows : rows + image.shape[0], columns : columns + image.shape[1]] + mean
