"""Images in Fourier space: power, correlation and resolution, phases and shifts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cryoden.image.fourier_rings import (
    cross_power,
    inverse,
    neighbors_averaged,
    radius,
    tapered,
    tapered_power,
    transform,
)
from cryoden.micrograph import Array, Pixels

NEIGHBOURS = 2  # rings at each side that a reading of the resolution is averaged over
RELIABLE = 3.0  # standard errors


class Band(NamedTuple):
    """From ``coarse`` to ``fine``, Å, or px where that is said."""

    coarse: float
    fine: float

    @property
    def name(self) -> str:
        """As people write it."""
        return f"{self.coarse:g}–{self.fine:g} Å"

    def in_pixels(self, pixel_size: float) -> Band:
        """Return the same periods in pixels of so many Å."""
        return Band(self.coarse / pixel_size, self.fine / pixel_size)


PARTICLES = Band(340, 20)


@dataclass(frozen=True, eq=False)
class RadialProfile:
    """A quantity by spatial frequency, from the first ring to the Nyquist frequency.

    Parameters
    ----------
    frequencies : ndarray
        ``(n,)`` centers of the rings in 1/Å; frequency 0 is left out.
    values : ndarray
        ``(n,)`` one value for each ring.
    counts : ndarray
        ``(n,)`` Fourier coefficients in each ring, of which half are independent.
    """

    frequencies: Array
    values: Array
    counts: Array


def radial_power(image: Pixels, pixel_size: float) -> RadialProfile:
    """Return the power spectrum averaged over rings.

    Parameters
    ----------
    image : ndarray
        ``(h, w)``.
    pixel_size : float
        Å/px.

    Returns
    -------
    RadialProfile
        In squares of the image's unit: white noise of variance v has v at every frequency.
    """
    found = cross_power([image], pixel_size)
    return RadialProfile(found.frequencies, found.power[0, 0], found.counts)


def power_spectrum(image: Pixels) -> Pixels:
    """Return the ``(h, w)`` power spectrum with frequency 0 at ``[h // 2, w // 2]``.

    Parameters
    ----------
    image : ndarray
        ``(h, w)``.

    Returns
    -------
    ndarray
        float32, in the units of `radial_power`; without the cross of unlike borders.
    """
    height, width = image.shape
    half = np.abs(transform(tapered(image))) ** 2 / np.float32(tapered_power(image.shape))
    opposite = np.ix_(-np.arange(height), np.arange((width - 1) // 2, 0, -1))
    return np.asarray(np.fft.fftshift(np.hstack([half, half[opposite]])), np.float32)


def fourier_ring_correlation(a: Pixels, b: Pixels, pixel_size: float) -> RadialProfile:
    """Correlate two images ring by ring (Saxton & Baumeister 1982).

    Two images of one signal with independent noise have SNR / (1 + SNR).

    Parameters
    ----------
    a, b : ndarray
        ``(h, w)`` of one shape.
    pixel_size : float
        Å/px.

    Returns
    -------
    RadialProfile
        Values from −1 to 1.
    """
    found = cross_power([a, b], pixel_size)
    return RadialProfile(found.frequencies, found.correlation(0, 1), found.counts)


def resolution(frc: RadialProfile, threshold: float = 1 / 7) -> float | None:
    """Return where a Fourier ring correlation first falls below a threshold, in Å.

    The curve is averaged over five rings, because the innermost have few coefficients, and read
    between rings. Where two halves correlate by 1/7, their sum correlates by 1/2 with the truth
    (Rosenthal & Henderson 2003).

    Parameters
    ----------
    frc : RadialProfile
        From `fourier_ring_correlation`.
    threshold : float
        Least correlation.

    Returns
    -------
    float or None
        Twice the pixel size for a curve that never falls; ``None`` for one that is nowhere above
        the threshold by more than chance (3 standard errors) explains.
    """
    values, counts = neighbors_averaged(frc.values, frc.counts, NEIGHBOURS)
    chance = RELIABLE / np.sqrt(counts / 2)
    above = np.nonzero(values > np.maximum(threshold, chance))[0]
    if not above.size:
        return None
    first = int(above[0])
    below = np.nonzero(values[first:] < threshold)[0]
    if not below.size:
        return float(1 / frc.frequencies[-1])
    last = first + int(below[0]) - 1
    share = (values[last] - threshold) / (values[last] - values[last + 1])
    step = frc.frequencies[last + 1] - frc.frequencies[last]
    return float(1 / (frc.frequencies[last] + share * step))


def autocorrelation(image: Pixels, reach: int) -> Array:
    """Return how pixels correlate with those up to ``reach`` away.

    Parameters
    ----------
    image : ndarray
        ``(h, w)``, both sides longer than ``reach``, not constant.
    reach : int
        Largest shift in pixels.

    Returns
    -------
    ndarray
        ``(2 * reach + 1, 2 * reach + 1)``, 1 at the center, white noise 0 elsewhere.
    """
    padded = np.zeros([side + reach for side in image.shape], np.float32)
    padded[: image.shape[0], : image.shape[1]] = image - np.float32(image.mean(dtype=np.float64))
    products = inverse(np.abs(transform(padded)) ** 2, padded.shape)
    shifts = np.arange(-reach, reach + 1)
    overlaps = [side - np.abs(shifts) for side in image.shape]
    means = products[np.ix_(shifts, shifts)] / np.outer(*overlaps)
    return np.asarray(means / means[reach, reach], np.float64)


def phase_randomized(image: Pixels, pixel_size: float, beyond: float, seed: int) -> Pixels:
    """Return the image with random phases at all frequencies finer than ``beyond`` (Chen et al. 2013).

    What a denoiser shows there in answer is made up from the power spectrum alone.

    Parameters
    ----------
    image : ndarray
        ``(h, w)``.
    pixel_size : float
        Å/px.
    beyond : float
        Å; coarser structures stay.
    seed : int
        Of the random phases.

    Returns
    -------
    ndarray
        ``(h, w)`` float32 with the power spectrum of the image.
    """
    mean = np.float32(image.mean(dtype=np.float64))
    before = transform(image - mean)
    # the transform of real noise has the symmetry that keeps the result real
    after = transform(np.random.default_rng(seed).standard_normal(image.shape, np.float32))
    after *= np.abs(before) / np.maximum(np.abs(after), np.finfo(np.float32).tiny)
    np.copyto(after, before, where=radius(image.shape) <= pixel_size / beyond)
    return inverse(after, image.shape) + mean
