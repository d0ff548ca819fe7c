"""From pixels to figures: one method on one exposure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cryoden.evaluation.bands import BANDS, agreement
from cryoden.evaluation.exposures import Exposure
from cryoden.evaluation.half_metrics import gain, middle, quality, readings
from cryoden.evaluation.scores import Curves, Scores, Values
from cryoden.image.artifacts import checkerboard
from cryoden.image.fourier_rings import CrossPower, cross_power
from cryoden.image.spectra import PARTICLES, Band, RadialProfile, resolution
from cryoden.micrograph import Array, Pixels

PERIODS = (2, 4, 8)  # px, strides of upsampling in a network
CHANCE = 3.0  # standard errors above which a shell's signal is more than chance
GROUPS = 96  # points of a curve
RAW_EVEN, RAW_ODD, EVEN, ODD, TRUTH = range(5)
Halves = tuple[Pixels, Pixels]


def score(exposure: Exposure, denoised: Halves, seconds: float | None) -> tuple[Scores, Sums]:
    """Return the figures of denoised halves, and the power they share with the raw ones.

    Parameters
    ----------
    exposure : Exposure
        The raw halves.
    denoised : (ndarray, ndarray)
        Even and odd, each denoised from its raw half alone, on the same scale.
    seconds : float or None
        What denoising one took, where it was seen.
    """
    even, odd = denoised
    one, two = readings(even, exposure.odd), readings(odd, exposure.even)
    terms = quality(exposure.even, exposure.odd, even, odd)
    images = [exposure.even, exposure.odd, even, odd]
    truth = exposure.truth
    shared = cross_power(images if truth is None else [*images, truth], exposure.pixel_size)
    sums = Sums.of(shared, exposure.pixel_size)
    (coarse, *by_band), (slope, *slopes) = _by_band(shared, (PARTICLES, *BANDS))
    scores = Scores(
        whole=(one.whole + two.whole) / 2,
        detail=(one.detail + two.detail) / 2,
        center=(one.center + two.center) / 2,
        coarse=coarse or 0.0,
        coarse_error=_error(shared, PARTICLES),
        noise_left=float(terms.noise_denoised / terms.noise_raw),
        palovcak_db=_known(terms.palovcak_db),
        bias_ratio=_known(terms.bias_ratio),
        hallucinated=sums.hallucinated(),
        resolution=_resolution(shared, (EVEN, RAW_ODD), (ODD, RAW_EVEN)),
        truth_db=None if truth is None else _truth_db(exposure, denoised, truth),
        truth_resolution=None if truth is None else _resolution(shared, (EVEN, TRUTH), (ODD, TRUTH)),
        checkerboard=max(checkerboard(middle(even), period) for period in PERIODS),
        seconds=seconds,
        slope=slope,
        bands=tuple(by_band),
        slopes=tuple(slopes),
    )
    return scores, sums


def _by_band(shared: CrossPower, bands: Sequence[Band]) -> tuple[list[float | None], list[float | None]]:
    """Return r of denoised and other raw half, and the regression of that on it, both ways averaged."""
    ways = [agreement(shared, *pair, bands) for pair in ((EVEN, RAW_ODD), (ODD, RAW_EVEN))]
    correlation = np.mean([way.correlation for way in ways], axis=0)
    slope = np.mean([way.slope for way in ways], axis=0)
    return [_known(value) for value in correlation], [_known(value) for value in slope]


def _error(shared: CrossPower, band: Band) -> float:
    """Return the standard error of r in a band."""
    inside = (shared.frequencies >= 1 / band.coarse) & (shared.frequencies < 1 / band.fine)
    return float(1 / np.sqrt(max(shared.counts[inside].sum() / 2, 1)))


def _truth_db(exposure: Exposure, denoised: Halves, truth: Pixels) -> float | None:
    pairs = zip((exposure.even, exposure.odd), denoised, strict=True)
    return _known(sum(gain(raw, image, truth).gain_db for raw, image in pairs) / 2)


def _resolution(shared: CrossPower, *pairs: tuple[int, int]) -> float | None:
    values = np.mean([shared.correlation(*pair) for pair in pairs], axis=0)
    return resolution(RadialProfile(shared.frequencies, values, shared.counts))


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


@dataclass(frozen=True, eq=False)
class Sums:
    """Shared power summed over exposures, on a coarse grid that micrographs of any size fit.

    Parameters
    ----------
    power : ndarray
        ``(m, m, groups)`` sums over Fourier coefficients.
    counts : ndarray
        ``(groups,)`` how many.
    nyquist : float
        1/Å, the end of the grid.
    """

    power: Array
    counts: Array
    nyquist: float

    @classmethod
    def of(cls, shared: CrossPower, pixel_size: float) -> Sums:
        """Return the sums of one exposure."""
        nyquist = 0.5 / pixel_size
        groups = np.minimum((shared.frequencies / nyquist * GROUPS).astype(int), GROUPS - 1)
        member = (groups[:, None] == np.arange(GROUPS)).astype(np.float64)
        return cls((shared.power * shared.counts) @ member, shared.counts @ member, nyquist)

    def plus(self, other: Sums) -> Sums:
        """Return the sums over both."""
        return Sums(self.power + other.power, self.counts + other.counts, self.nyquist)

    def hallucinated(self) -> float:
        """Return which share of what the denoised halves have in common is not in the raw halves.

        Were all of it signal S, weighted by frequency as it may be, then in each shell
        P(De, Do) = P(De, Ro)² / S with S = P(Re, Ro); what exceeds that is of other origin. So no
        filter hallucinates, however strong, and a pattern put on both halves counts in full.
        """
        power = self.power
        noise = np.sqrt(power[RAW_EVEN, RAW_EVEN] * power[RAW_ODD, RAW_ODD])
        least = noise / np.sqrt(np.maximum(self.counts, 1) / 2)
        common = power[EVEN, ODD]  # with its sign, so that chance cancels over the shells
        held = (power[EVEN, RAW_ODD] + power[ODD, RAW_EVEN]) / 2
        signal = np.maximum(power[RAW_EVEN, RAW_ODD], least)
        explained = np.divide(held**2, signal, out=np.zeros_like(held), where=signal > 0)
        total = float(common.sum())
        return max(0.0, float((common - explained).sum()) / total) if total > 0 else 0.0

    def curves(self) -> Curves:
        """Return what the sums say by spatial frequency."""
        power = np.divide(self.power, self.counts, out=np.zeros_like(self.power), where=self.counts > 0)
        found = CrossPower((np.arange(GROUPS) + 0.5) / GROUPS * self.nyquist, self.counts, power)
        signal = power[RAW_EVEN, RAW_ODD]
        error = (
            (power[EVEN, EVEN] + power[ODD, ODD]) / 2 + signal - power[EVEN, RAW_ODD] - power[ODD, RAW_EVEN]
        )
        known = self.counts > 0
        chance = CHANCE / np.sqrt(np.maximum(self.counts, 1) / 2)
        there = (found.correlation(RAW_EVEN, RAW_ODD) > chance) & (error > 0)
        ratio = np.divide(signal, error, out=np.full_like(signal, np.nan), where=there)
        both = (found.correlation(EVEN, RAW_ODD) + found.correlation(ODD, RAW_EVEN)) / 2
        truth = (
            (found.correlation(EVEN, TRUTH) + found.correlation(ODD, TRUTH)) / 2
            if len(power) > TRUTH
            else None
        )
        return Curves(
            tuple(found.frequencies.tolist()),
            _plain(both, known),
            _plain((power[EVEN, EVEN] + power[ODD, ODD]) / 2, known),
            _plain(ratio, known),
            () if truth is None else _plain(truth, known),
        )


def _plain(values: Any, known: Any) -> Values:
    return tuple(float(v) if k and math.isfinite(v) else None for v, k in zip(values, known, strict=True))
