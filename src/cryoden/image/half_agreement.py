"""Whether two images show the same scene with independent noise.

Halves of a real micrograph correlate by 0.005 to 0.05 over all frequencies, and two unrelated
micrographs of one session, which share ice, illumination and camera, easily by as much. So the
test is on phases: their correlation has a peak at no shift exactly when the scene is the same, and
the rest of that map says how high chance and camera patterns reach.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from cryoden.image.block_mean import block_mean, blocks
from cryoden.image.correlation import pearson
from cryoden.image.phase_correlation import phase_correlation
from cryoden.micrograph import Array, Pixels

BIN = 8
BANDS = (0.35, 0.25, 0.125)  # upper ends in cycles per binned pixel; particles lie in one of them
CHANCE, CAMERA = 3.5, 6.0  # peaks that chance, and patterns of one camera, may reach
CAMERA_EDGE = 128  # binned pixels of an image edge for which CAMERA holds; the peak grows with it
SHIFTED = 12.0  # chance reaches 9 over a whole map
SMALL = 512  # pixels; below, phases are too few and the plain correlation decides
OBVIOUS = 0.5
REACH = 4.0  # quartile distances, 5.4 standard deviations of normal noise
LOCAL = 32  # pixels; ice and illumination vary more slowly


@dataclass(frozen=True)
class Agreement:
    """How two images of one size agree.

    Parameters
    ----------
    correlation : float
        Pearson correlation after averaging 8 × 8 pixels and removing a plane.
    peak : float
        Height of the correlation map at no shift, in standard deviations of the map.
    enough : float
        Height above which the scene is the same.
    same_scene : bool
        Whether the two show the same scene, unshifted.
    fine : float
        Correlation at the finest scale, where independent noise gives about 0.
    detail : float
        Correlation of all pixels after taking out the mean of every 32 × 32.
    shift : tuple of int or None
        Rows and columns in pixels at which the scene agrees, where it does not agree unshifted.
    noise_ratio : float
        Variance of the first at the finest scale, where there is noise alone, over that of the second.
    """

    correlation: float
    peak: float
    enough: float
    same_scene: bool
    fine: float
    detail: float
    shift: tuple[int, int] | None
    noise_ratio: float = 1.0


def agreement(even: Pixels, odd: Pixels) -> Agreement:
    """Compare two ``(h, w)`` images of the same size that are not constant."""
    even, odd = _without_outliers(even), _without_outliers(odd)
    small = min(even.shape) <= SMALL
    factor = max(1, min(BIN, min(even.shape) // 32))
    a, b = _without_plane(block_mean(even, factor)), _without_plane(block_mean(odd, factor))
    if small:
        maps = [_correlation_map(a, b), _correlation_map(_without_plane(even), _without_plane(odd))]
    else:
        maps = [phase_correlation(a, b, band) for band in BANDS]
    maps = [_in_deviations(found) for found in maps]
    correlation, peak = pearson(a, b), max(float(found[0, 0]) for found in maps)
    enough = CHANCE if small else min(CAMERA, CAMERA * sqrt(a.size) / CAMERA_EDGE)
    same_scene = peak > enough or (small and correlation > OBVIOUS)
    finest = _finest(even), _finest(odd)
    return Agreement(
        correlation=correlation,
        peak=peak,
        enough=enough,
        same_scene=same_scene,
        fine=pearson(*finest),
        detail=pearson(_detail(even), _detail(odd)),
        shift=None if small or same_scene else _shift(maps, factor),
        noise_ratio=_ratio(*finest),
    )


def _without_outliers(image: Pixels) -> Pixels:
    """Limit hot pixels, which stand in both halves at the same place."""
    low, middle, high = np.percentile(image.ravel()[::7], [25, 50, 75])
    if low == high:  # counts so few that most pixels are equal
        return image
    return np.clip(image, middle - REACH * (high - low), middle + REACH * (high - low))


def _without_plane(image: Pixels | Array) -> Array:
    y = np.linspace(-1, 1, image.shape[0])[:, None] * np.ones(image.shape[1])
    x = np.linspace(-1, 1, image.shape[1]) * np.ones((image.shape[0], 1))
    image = image - image.mean()
    for slope in (y, x):  # the two are orthogonal to each other and to the mean
        image = image - slope * ((image * slope).sum() / max((slope * slope).sum(), 1e-12))
    return np.asarray(image, np.float64)


def _correlation_map(a: Array, b: Array) -> Array:
    """Return the plain correlation against shift; phases of small images are too few."""
    return np.fft.irfft2(np.fft.rfft2(a) * np.fft.rfft2(b).conj(), s=a.shape)


def _in_deviations(found: Array) -> Array:
    """Return a map in units of its standard deviation."""
    return found / max(float(found.std()), 1e-300)


def _finest(image: Pixels) -> Array:
    """Return the part of the image at the highest frequency of both directions."""
    rows = np.diff(image.astype(np.float64), axis=0)
    return np.asarray(np.diff(rows, axis=1))


def _ratio(one: Array, other: Array) -> float:
    return float(one.var() / max(float(other.var()), 1e-300)) if one.size else 1.0


def _detail(image: Pixels) -> Array:
    """Return the image without the mean of every 32 × 32 pixels, cut to such blocks."""
    if min(image.shape) < LOCAL:
        return np.asarray(image, np.float64)
    return np.asarray(blocks(image, LOCAL) - block_mean(image, LOCAL)[..., None, None])


def _shift(maps: list[Array], factor: int) -> tuple[int, int] | None:
    highest = max(maps, key=lambda found: float(found.max()))
    if highest.max() < SHIFTED:
        return None
    row, column = np.unravel_index(int(highest.argmax()), highest.shape)
    height, width = highest.shape
    return (
        int((int(row) + height // 2) % height - height // 2) * factor,
        int((int(column) + width // 2) % width - width // 2) * factor,
    )
