"""Marks that a network, not the microscope, leaves in an image: lattices and seams."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cryoden.micrograph import Pixels

TILE = 256  # px
NEAR, FAR = 3, 4  # bins around a lattice frequency; a Hann window smears it over two
Array = NDArray[np.float64]


def checkerboard(image: Pixels, period: int) -> float:
    """Measure a pattern that repeats every few pixels, as upsampling in a network leaves.

    Looked for is power at the lattice frequencies, i / period and j / period, of the image (a
    printed pattern) and of its absolute steps along rows and columns (a texture whose strength
    repeats, Odena et al. 2016), relative to their surroundings in the spectrum.

    Parameters
    ----------
    image : ndarray
        ``(h, w)``, at least 10 periods a side.
    period : int
        px.

    Returns
    -------
    float
        The largest of the three; about 1 for none.

    Raises
    ------
    ValueError
        For a period below 2, and for an image too small.
    """
    least = 2 * (FAR + 1) * period
    if period < 2 or min(image.shape) <= least:
        raise ValueError(
            f"a period of at least 2 px and more than {least} px a side expected; found {image.shape}"
        )
    steps = (np.abs(np.diff(image, axis=axis)) for axis in (0, 1))
    return max(_on_lattice(pixels, period) for pixels in (image, *steps))


def seams(image: Pixels, edge: int) -> float:
    """Compare steps across tile borders with steps elsewhere.

    Parameters
    ----------
    image : ndarray
        ``(h, w)``, longer than ``edge`` in at least one direction.
    edge : int
        px from one tile border to the next, the first at 0.

    Returns
    -------
    float
        Mean absolute step across borders over mean absolute step elsewhere; 1 for no seams.

    Raises
    ------
    ValueError
        For an image without a border inside.
    """
    across, elsewhere = [], []
    for pixels in (image, image.T):
        steps = np.abs(np.diff(pixels, axis=0)).mean(axis=1, dtype=np.float64)
        border = np.arange(1, len(pixels)) % edge == 0
        across.append(steps[border])
        elsewhere.append(steps[~border])
    if not any(part.size for part in across):
        raise ValueError(f"an image longer than {edge} px expected; found {image.shape}")
    return float(np.concatenate(across).mean() / np.concatenate(elsewhere).mean())


def _on_lattice(image: Pixels, period: int) -> float:
    """Return the mean over lattice frequencies of power over power nearby."""
    power = _averaged_spectrum(image, period)
    edge = len(power)
    lattice = np.arange(0, edge, edge // period)
    around = [
        (i, j) for i in range(-FAR, FAR + 1) for j in range(-FAR, FAR + 1) if max(abs(i), abs(j)) >= NEAR
    ]
    logs = np.log(np.maximum(power, np.finfo(np.float64).tiny))
    nearby = np.mean([logs[np.ix_((lattice + i) % edge, (lattice + j) % edge)] for i, j in around], axis=0)
    ratios = np.exp(logs[np.ix_(lattice, lattice)] - nearby)
    return float(ratios.ravel()[1:].mean())  # the first is frequency 0


def _averaged_spectrum(image: Pixels, period: int) -> Array:
    """Return the mean power spectrum of tiles as long as a multiple of the period (Welch 1967)."""
    edge = min(max(TILE, 2 * (FAR + 1) * period), *image.shape) // period * period
    window = np.hanning(edge + 1)[:-1]
    power, mean = np.zeros((edge, edge)), image.mean(dtype=np.float64)
    for top in range(0, image.shape[0] - edge + 1, edge):
        for left in range(0, image.shape[1] - edge + 1, edge):
            tile = image[top : top + edge, left : left + edge] - mean
            power += np.abs(np.fft.fft2(tile * window[:, None] * window)) ** 2
    return power
