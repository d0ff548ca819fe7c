"""Correlation and calibration by band of resolution, each band weighed by its power.

A correlation over all frequencies prefers blur, and the grain of ice decides it; a Fourier ring
correlation within one ring no linear filter changes. A band lies between: wide enough to carry a
standard error, narrow enough to say where structure was won or lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cryoden.image.fourier_rings import CrossPower, cross_power
from cryoden.image.spectra import Band
from cryoden.micrograph import Array, Pixels

BANDS = (Band(340, 60), Band(60, 35), Band(35, 22), Band(22, 14), Band(14, 7))


@dataclass(frozen=True, eq=False)
class BandAgreement:
    """How a denoised image and an independent raw one agree, band by band, ``(n,)`` each.

    Parameters
    ----------
    correlation : ndarray
        Pearson's r of what lies in the band; 0 where the denoised image is empty.
    slope : ndarray
        Regression of the raw image on the denoised one: 1 for an honest estimate of the signal, less where
        the picture promises more than it holds. NaN where it is empty.
    """

    correlation: Array
    slope: Array


def agreement_by_band(
    denoised: Pixels, other: Pixels, pixel_size: float, bands: Sequence[Band] = BANDS
) -> BandAgreement:
    """Compare a denoised image with a raw one of independent noise.

    Parameters
    ----------
    denoised, other : ndarray
        ``(h, w)`` of one shape, at least 8 px a side; in the same units where the slope is to mean anything.
    pixel_size : float
        Å/px.
    bands : sequence of Band
        One value for each.
    """
    return agreement(cross_power([denoised, other], pixel_size), 0, 1, bands)


def agreement(shared: CrossPower, denoised: int, other: int, bands: Sequence[Band] = BANDS) -> BandAgreement:
    """Return the same of two of the images whose power is measured already."""
    inside = [
        (shared.frequencies >= 1 / band.coarse) & (shared.frequencies < 1 / band.fine) for band in bands
    ]
    own, raw, both = (
        np.array([(shared.power[i, j, ring] * shared.counts[ring]).sum() for ring in inside])
        for i, j in ((denoised, denoised), (other, other), (denoised, other))
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = np.where(own * raw > 0, both / np.sqrt(own * raw), 0.0)
        slope = np.where(own > 0, both / own, np.nan)
    return BandAgreement(correlation, slope)


def blocks(image: Pixels, edge: int) -> list[Pixels]:
    """Return as many whole square blocks as there are, spread evenly, for a standard error over them."""
    counts = [max(1, side // edge) for side in image.shape]
    tall, wide = (side // count for side, count in zip(image.shape, counts, strict=True))
    return [
        image[row * tall : (row + 1) * tall, column * wide : (column + 1) * wide]
        for row in range(counts[0])
        for column in range(counts[1])
    ]
