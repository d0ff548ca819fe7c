"""Whether two images show the same scene with independent noise.

Halves of a real micrograph correlate by 0.005 to 0.05 over all frequencies, and two unrelated
micrographs of one session, which share ice, illumination and camera, easily by as much. So the
test is on phases: the cross-spectrum of the two, each frequency scaled to weight 1, transformed
back, has a peak at no shift exactly when the scene is the same (phase correlation, Kuglin &
Hines 1975), and the rest of that map says how high chance and camera patterns reach.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from cryoden.micrograph import Pixels

BIN = 8
BANDS = (0.35, 0.25, 0.125)  # upper ends in cycles per binned pixel; particles lie in one of them
LEAST_PERIODS = 2.5  # slower waves across the window are ice and illumination
CHANCE, CAMERA = 3.5, 6.0  # peaks that chance, and patterns of one camera, may reach
CAMERA_EDGE = 128  # binned pixels of an image edge for which CAMERA holds; the peak grows with it
SHIFTED = 12.0  # chance reaches 9 over a whole map
SMALL = 512  # pixels; below, phases are too few and the plain correlation decides
OBVIOUS = 0.5
REACH = 4.0  # quartile distances, 5.4 standard deviations of normal noise
LOCAL = 32  # pixels; ice and illumination vary more slowly
Array = NDArray[np.float64]


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
    """

    correlation: float
    peak: float
    enough: float
    same_scene: bool
    fine: float
    detail: float
    shift: tuple[int, int] | None


def agreement(even: Pixels, odd: Pixels) -> Agreement:
    """Compare two ``(h, w)`` images of the same size that are not constant."""
    even, odd = _without_outliers(even), _without_outliers(odd)
    small = min(even.shape) <= SMALL
    factor = max(1, min(BIN, min(even.shape) // 32))
    a, b = _without_plane(_binned(even, factor)), _without_plane(_binned(odd, factor))
    if small:
        maps = [_correlation_map(a, b), _correlation_map(_without_plane(even), _without_plane(odd))]
    else:
        maps = [_phase_correlation(a, b, band) for band in BANDS]
    correlation, peak = _pearson(a, b), max(float(found[0, 0]) for found in maps)
    enough = CHANCE if small else min(CAMERA, CAMERA * sqrt(a.size) / CAMERA_EDGE)
    same_scene = peak > enough or (small and correlation > OBVIOUS)
    return Agreement(
        correlation=correlation,
        peak=peak,
        enough=enough,
        same_scene=same_scene,
        fine=_pearson(_finest(even), _finest(odd)),
        detail=_pearson(_detail(even), _detail(odd)),
        shift=None if small or same_scene else _shift(maps, factor),
    )


def _without_outliers(image: Pixels) -> Pixels:
    """Limit hot pixels, which stand in both halves at the same place."""
    low, middle, high = np.percentile(image.ravel()[::7], [25, 50, 75])
    if low == high:  # counts so few that most pixels are equal
        return image
    return np.clip(image, middle - REACH * (high - low), middle + REACH * (high - low))


def _binned(image: Pixels, factor: int) -> Array:
    height, width = (side // factor for side in image.shape)
    cut = image[: height * factor, : width * factor]
    means = cut.reshape(height, factor, width, factor).mean((1, 3), dtype=np.float64)
    return np.asarray(means, np.float64)


def _without_plane(image: Pixels | Array) -> Array:
    y = np.linspace(-1, 1, image.shape[0])[:, None] * np.ones(image.shape[1])
    x = np.linspace(-1, 1, image.shape[1]) * np.ones((image.shape[0], 1))
    image = image - image.mean()
    for slope in (y, x):  # the two are orthogonal to each other and to the mean
        image = image - slope * ((image * slope).sum() / max((slope * slope).sum(), 1e-12))
    return np.asarray(image, np.float64)


def _phase_correlation(a: Array, b: Array, band: float) -> Array:
    """Return the map of agreement against shift, in units of its standard deviation."""
    taper = np.hanning(a.shape[0] + 2)[1:-1, None] * np.hanning(a.shape[1] + 2)[1:-1]
    cross = np.fft.fft2(a * taper) * np.fft.fft2(b * taper).conj()
    frequency = np.hypot(np.fft.fftfreq(a.shape[0])[:, None], np.fft.fftfreq(a.shape[1]))
    used = (frequency < band) & (frequency > LEAST_PERIODS / min(a.shape))
    found: Array = np.fft.ifft2(np.where(used, cross / np.maximum(np.abs(cross), 1e-300), 0)).real
    return found / max(float(found.std()), 1e-300)


def _correlation_map(a: Array, b: Array) -> Array:
    """Return the plain correlation against shift, in units of its standard deviation."""
    found: Array = np.fft.ifft2(np.fft.fft2(a) * np.fft.fft2(b).conj()).real
    return found / max(float(found.std()), 1e-300)


def _finest(image: Pixels) -> Array:
    """Return the part of the image at the highest frequency of both directions."""
    rows = np.diff(image.astype(np.float64), axis=0)
    return np.asarray(np.diff(rows, axis=1))


def _detail(image: Pixels) -> Array:
    height, width = (side // LOCAL * LOCAL for side in image.shape)
    if not height or not width:
        return np.asarray(image, np.float64)
    blocks = image[:height, :width].reshape(height // LOCAL, LOCAL, width // LOCAL, LOCAL)
    return np.asarray(blocks - blocks.mean((1, 3), keepdims=True), np.float64)


def _pearson(a: Array, b: Array) -> float:
    if not a.size:
        return 0.0
    a, b = a - a.mean(), b - b.mean()
    scale = sqrt(float((a * a).sum()) * float((b * b).sum()))
    return float((a * b).sum()) / scale if scale else 0.0


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
