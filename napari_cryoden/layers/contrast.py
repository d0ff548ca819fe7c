"""Which gray levels layers are shown with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from cryoden.image.block_mean import blocks
from cryoden.micrograph import Pixels

Matching = Literal["each", "same", "matched"]
Limits = tuple[float, float]
SAMPLE = 2**18  # px: of a whole 4096² sorting takes longer than reading it
SIGMAS = 3.0  # as RELION's display has them
PARTS, PART = (2, 8), 128  # along the shorter side; px of a part: as large as particles are drawn
LEAST_PART = 8  # px that are sampled of it
ROUNDING = 1e-6  # of float32, with something to spare
SIGMA = 1.4826  # of a Gaussian, in median absolute deviations
# Of the raw contrast at 3 Å/px and coarser: white noise of 256² px and more leaves up to 0.014 there, the
# weakest single frame of apoferritin 0.042. The words about it are the library's, from the same output.
ALMOST_NOTHING = 0.025
LEAST = 0.6  # of the same, for what is almost nothing
WORKING, ASSUMED = 3.0, 1.0  # Å/px: finer micrographs are averaged to the former; where it is not known
MOST = 2.0  # times the denoised one's own width, up to which it shares that of a low-pass


def contrast(pixels: Pixels) -> Limits:
    """Return the 0.5 and 99.5 percentiles of a regular sample: how wide a micrograph's noise is.

    Pixels that are no finite numbers do not count; where all are such, the limits are NaN.
    """
    low, high = (float(value) for value in np.percentile(_sample(pixels), (0.5, 99.5)))
    return (low, high) if high > low else (low, low + 1.0)


def robust(pixels: Pixels) -> Limits:
    """Return three standard deviations to both sides of the median, estimated from the absolute deviations.

    Wider on a side where one in a hundred pixels of most parts of the image lies beyond, as particles do in
    clear ice: they are everywhere. An ice crystal or a carbon edge is in less than half of the parts, and
    changes next to nothing. Where more than half of the pixels are alike, as with few counts, the
    percentiles of `contrast` stand in.
    """
    sample = _sample(pixels)
    middle = float(np.median(sample))
    sigma = SIGMA * float(np.median(np.abs(sample - np.float32(middle))))
    if not ROUNDING * abs(middle) < sigma < math.inf:
        return contrast(pixels)
    low, high = _usual_ends(sample, int(np.clip(min(pixels.shape) // PART, *PARTS)))
    return min(middle - SIGMAS * sigma, low), max(middle + SIGMAS * sigma, high)


def _usual_ends(sample: Pixels, across: int) -> Limits:
    """Return the median of the 1 and 99 percentiles of parts of an image, or of rows of a small one."""
    parts = np.atleast_2d(sample)
    if sample.ndim > 1 and min(sample.shape) >= across * LEAST_PART:
        edge = min(sample.shape) // across
        parts = np.concatenate(blocks(sample, edge)).reshape(-1, edge * edge)
    low, high = np.median(np.percentile(parts, (1, 99), axis=-1), axis=-1)
    return float(low), float(high)


def result_limits(own: Limits, width: Limits, raw: Limits, pixel_size: float | None) -> Limits:
    """Return the limits of an output; stretched to its own, almost nothing would look like particles.

    Parameters
    ----------
    own : tuple of float
        Its limits as it is drawn.
    width : tuple of float
        Its `contrast`.
    raw : tuple of float
        The raw one's `contrast`.
    pixel_size : float or None
        Å/px.
    """
    averaged = (raw[1] - raw[0]) * min(1.0, (pixel_size or ASSUMED) / WORKING)  # in working pixels
    if width[1] - width[0] >= ALMOST_NOTHING * averaged:
        return own
    return about(own, LEAST * averaged / 2)


def about(own: Limits, half: float) -> Limits:
    """Return limits with the same middle, and half of another width."""
    middle = (own[0] + own[1]) / 2
    return middle - half, middle + half


def half_width(limits: Limits) -> float:
    """Return half the distance between two limits."""
    return (limits[1] - limits[0]) / 2


def matched(how: Matching, raw: Limits, denoised: Limits, others: Sequence[Limits]) -> list[Limits]:
    """Return the limits of a raw and a denoised image, and of low-passes of the raw one.

    Parameters
    ----------
    how : {"each", "same", "matched"}
        ``each``: the raw one fills the scale. The denoised one and a low-pass that is at most twice as
        wide share a width, each about its own middle, so that what is equally strong in both is equally
        gray. A low-pass that is wider, which is noise, has its own: neither becomes pale, nor black and
        white. ``same``: all have the raw one's levels, so that
        what noise was removed shows. ``matched``: all have the width of the denoised one, so that a
        particle has the same gray in all of them and noise saturates.
    raw, denoised : tuple of float
        Their own limits.
    others : sequence of tuple of float
        Those of the low-passes.
    """
    if how == "same":
        return [raw] * (2 + len(others))
    own = half_width(denoised)
    if how == "matched":
        return [about(one, own) for one in (raw, denoised, *others)]
    shared = max(half for one in (denoised, *others) if (half := half_width(one)) <= MOST * own)
    return [raw, *(about(one, max(shared, half_width(one))) for one in (denoised, *others))]


def _sample(pixels: Pixels) -> Pixels:
    step = max(1, math.isqrt(max(1, pixels.size // SAMPLE)))
    sample = pixels[::step, ::step]
    finite = np.isfinite(sample)
    return sample if finite.all() else sample[finite] if finite.any() else np.full(1, np.nan, np.float32)
