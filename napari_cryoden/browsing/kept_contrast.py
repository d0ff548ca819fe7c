"""Contrast that stays alike from one micrograph to the next: limits in terms of median and spread."""

from __future__ import annotations

import math

import numpy as np

from cryoden.micrograph import Pixels
from napari_cryoden.layers.contrast import Limits

SAMPLE = 2**17  # px


class KeptContrast:
    """Limits as distances from the median, in median absolute deviations.

    An ice crystal or a carbon edge moves neither, so that what the user has set for one micrograph suits
    the next.
    """

    def __init__(self) -> None:
        self._of: tuple[float, float] | None = None  # median and deviation of what is shown
        self._given: Limits = (0.0, 0.0)
        self._kept: Limits | None = None

    def keep(self, limits: Limits) -> None:
        """Take the limits that what is shown has now, where the user has set others than were given."""
        if self._of is not None and not np.allclose(limits, self._given, rtol=1e-6, atol=0):
            middle, spread = self._of
            low, high = ((limit - middle) / spread for limit in limits)
            self._kept = low, high

    def limits(self, pixels: Pixels, first: Limits) -> Limits:
        """Return the limits of what is shown from now on: ``first``, its own, until the user sets others."""
        self._of = middle, spread = median_and_deviation(pixels)
        low, high = first if self._kept is None else (middle + limit * spread for limit in self._kept)
        self._given = low, high
        return low, high

    def pass_over(self) -> None:
        """Keep nothing of what is shown from now on, which has limits of its own."""
        self._of = None


def median_and_deviation(pixels: Pixels) -> tuple[float, float]:
    """Return the median of a regular sample, and the median distance from it, which is never 0."""
    step = max(1, math.isqrt(max(1, pixels.size // SAMPLE)))
    sample = pixels[::step, ::step]
    middle = float(np.median(sample))
    return middle, float(np.median(np.abs(sample - middle))) or 1.0
