"""Marks that a network, not the microscope, leaves in an image: lattices and seams."""

from __future__ import annotations

import numpy as np

from cryoden.image.block_mean import blocks
from cryoden.micrograph import Array, Pixels

TILE, TILES = 256, 4  # px of a tile, and at least how many in a row
FAINT = 0.005  # of the standard deviation: a pattern of which no eye sees anything
TINY = 1e-300
NEAR, FAR = 3, 4  # bins around a lattice frequency; a Hann window smears it over two


def checkerboard(image: Pixels, period: int) -> float:
    """Measure a pattern that repeats every few pixels, as upsampling in a network leaves.

    Looked for is power at the lattice frequencies, i / period and j / period, relative to their
    surroundings in the spectrum: of the image (a printed pattern, Odena et al. 2016), and of its
    absolute values and steps along both axes (a texture whose strength repeats). To all of them the power
    of a faint pattern is added, of 0.5 % of the image's standard deviation: a texture counts as far as its
    strength differs by more than that, so one much fainter than the image does not.

    Parameters
    ----------
    image : ndarray
        ``(h, w)``, at least 10 periods a side.
    period : int
        px.

    Returns
    -------
    float
        The largest of the four; about 1, by chance up to 2, for none, and about 2 for a faint one where there
        is nothing else.

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
    strength = np.abs(image - np.float32(image.mean(dtype=np.float64)))
    steps = (np.abs(np.diff(image, axis=axis)) for axis in (0, 1))
    faint = FAINT**2 * max(float(image.var(dtype=np.float64)), TINY)
    return max(_on_lattice(pixels, period, faint) for pixels in (image, strength, *steps))


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


def _on_lattice(image: Pixels, period: int, faint: float) -> float:
    """Return the mean over lattice frequencies of power over power nearby.

    To both is added what a pattern of a ``faint`` variance would have at each of these frequencies, were they
    equally strong. So nothing is made of less, nor of the rounding of a Fourier transform.
    """
    edge = max(min(TILE, min(image.shape) // TILES), 2 * (FAR + 1) * period) // period * period
    window = np.outer(*[np.hanning(edge + 1)[:-1]] * 2)
    power = _averaged_spectrum(image, window) + faint * window.sum() ** 2 / (period**2 - 1)
    lattice = np.arange(0, edge, edge // period)
    reach = range(-FAR, FAR + 1)
    around = [(i, j) for i in reach for j in reach if max(abs(i), abs(j)) >= NEAR]
    # a mean of logarithms: right also where power falls steeply
    logs = np.log(power)
    nearby = np.mean([logs[np.ix_((lattice + i) % edge, (lattice + j) % edge)] for i, j in around], axis=0)
    ratios = np.exp(logs[np.ix_(lattice, lattice)] - nearby)
    return float(ratios.ravel()[1:].mean())  # the first is frequency 0


def _averaged_spectrum(image: Pixels, window: Array) -> Array:
    """Return the mean power spectrum of tiles under a window (Welch 1967)."""
    tiles = blocks(image, len(window))
    mean = tiles.mean(dtype=np.float64)
    power = np.zeros(window.shape)
    for place in np.ndindex(tiles.shape[:2]):
        power += np.abs(np.fft.fft2((tiles[place] - mean) * window)) ** 2 / (tiles.size / window.size)
    return power
