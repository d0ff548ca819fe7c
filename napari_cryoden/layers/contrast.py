"""Which gray levels layers are shown with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from cryoden.micrograph import Pixels

Matching = Literal["each", "same", "matched"]
Limits = tuple[float, float]
# Of the raw contrast at 3 Å/px and coarser: white noise of 256² px and more leaves up to 0.040 there, the
# weakest single frame of apoferritin 0.043. The words about it are the library's, from the same output.
ALMOST_NOTHING = 0.042
LEAST = 0.6  # of the same, for what is almost nothing
WORKING, ASSUMED = 3.0, 1.0  # Å/px: finer micrographs are averaged to the former; where it is not known


def contrast(pixels: Pixels) -> Limits:
    """Return the 0.5 and 99.5 percentiles of at most some 260,000 pixels.

    A regular sample is enough: on a micrograph noise decides both ends, and sorting all of
    a 4096² takes longer than reading it.
    """
    step = max(1, math.isqrt(max(1, pixels.size // 2**18)))
    low, high = (float(value) for value in np.percentile(pixels[::step, ::step], (0.5, 99.5)))
    return (low, high) if high > low else (low, low + 1.0)


def _is_almost_nothing(denoised: Limits, raw: Limits, pixel_size: float | None) -> bool:
    """Whether an output has so little contrast that a network makes as much of noise alone."""
    return denoised[1] - denoised[0] < ALMOST_NOTHING * _averaged(raw, pixel_size)


def result_contrast(denoised: Pixels, raw: Limits, pixel_size: float | None) -> Limits:
    """Return the limits of an output; stretched to its own, almost nothing would look like particles."""
    low, high = contrast(denoised)
    if not _is_almost_nothing((low, high), raw, pixel_size):
        return low, high
    middle, half = (low + high) / 2, LEAST * _averaged(raw, pixel_size) / 2
    return middle - half, middle + half


def _averaged(raw: Limits, pixel_size: float | None) -> float:
    """Return what the raw contrast, which is noise, is in working pixels."""
    return (raw[1] - raw[0]) * min(1.0, (pixel_size or ASSUMED) / WORKING)


def limits(how: Matching, images: Sequence[Pixels], pixel_size: float | None = None) -> list[Limits]:
    """Return darkest and brightest level of a raw and a denoised image.

    Parameters
    ----------
    how : {"each", "same", "matched"}
        ``each``: each image fills the scale. ``same``: both have the raw one's levels, so that
        what noise was removed shows. ``matched``: both have the denoised one's levels, each about
        its own middle, so that a particle has the same gray in both and noise saturates.
    images : sequence of ndarray
        Raw and denoised, ``(h, w)`` each.
    pixel_size : float or None
        Å/px.
    """
    raw = contrast(images[0])
    denoised = result_contrast(images[1], raw, pixel_size)
    if how == "each":
        return [raw, denoised]
    if how == "same":
        return [raw, raw]
    half = (denoised[1] - denoised[0]) / 2
    middle = (raw[0] + raw[1]) / 2
    return [(middle - half, middle + half), denoised]
