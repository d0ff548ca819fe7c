"""How good a denoised micrograph is: without a truth from halves, and with one in simulations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from cryoden.image.block_mean import block_mean, repeated
from cryoden.image.correlation import covariances, pearson
from cryoden.image.filters import gaussian
from cryoden.image.fourier_rings import cross_power
from cryoden.micrograph import Array, Pixels

WIDEST = 400  # px; a shared slope of the illumination lifts every low-pass
CENTER = 1024  # px; the window others quote figures of
BIN = 16
Number = TypeVar("Number", float, Array)


@dataclass(frozen=True)
class Readings:
    """r with the other raw half: on the whole image, without wide structures, and in its center."""

    whole: float
    detail: float
    center: float


def readings(a: Pixels, b: Pixels) -> Readings:
    """Correlate a denoised half with the other raw half in three ways.

    They rise as noise goes, up to the root of the raw halves' r, and fall as structure is lost or
    hallucinated.

    Parameters
    ----------
    a, b : ndarray
        ``(h, w)`` of one shape, at least 32 px a side.

    Returns
    -------
    Readings
        ``detail`` is without structures wider than 400 px, ``center`` the central
        1024 × 1024 px, or as much of it as there is.
    """
    return Readings(
        pearson(a, b),
        pearson(_detail(a), _detail(b)),
        pearson(middle(a), middle(b)),
    )


@dataclass(frozen=True)
class _Terms(Generic[Number]):
    """What `Quality` and `ShellQuality` have in common: variances, and the ratios that follow."""

    signal: Number
    noise_raw: Number
    noise_denoised: Number
    bias: Number

    @property
    def snr_raw(self) -> Number:
        """Signal over noise before denoising."""
        return _ratio(self.signal, self.noise_raw)

    @property
    def snr_denoised(self) -> Number:
        """Signal over noise after denoising; infinite for a constant, so read the bias beside it."""
        return _ratio(self.signal, self.noise_denoised)

    @property
    def palovcak_db(self) -> Number:
        """SNR_den / SNR_raw in dB."""
        return _decibel(_ratio(self.noise_raw, self.noise_denoised))

    @property
    def bias_ratio(self) -> Number:
        """Distortion of the signal over the signal: 0 for none, 1 for a constant."""
        return _ratio(self.bias, self.signal)

    @property
    def error_ratio(self) -> Number:
        """Mean squared error over the signal: 0 for the truth, 1 for a constant."""
        return _ratio(self.bias + self.noise_denoised, self.signal)


class Quality(_Terms[float]):
    """Variances over all frequencies, in squares of the input's unit.

    Parameters
    ----------
    signal : float
        What the raw halves share.
    noise_raw, noise_denoised : float
        What they do not, before and after denoising.
    bias : float
        Squared difference between what the denoised halves share and the signal: structure lost,
        blurred or hallucinated.
    """


@dataclass(frozen=True, eq=False)
class ShellQuality(_Terms[Array]):
    """The same ring by ring, ``(n,)`` each, at ``frequencies`` in 1/Å."""

    frequencies: Array


def quality(raw_even: Pixels, raw_odd: Pixels, denoised_even: Pixels, denoised_odd: Pixels) -> Quality:
    """Measure signal, noise and bias without a truth (Palovcak et al. 2020).

    Parameters
    ----------
    raw_even, raw_odd : ndarray
        ``(h, w)`` raw halves.
    denoised_even, denoised_odd : ndarray
        ``(h, w)`` each denoised from its raw half alone, in the raw half's units.

    Returns
    -------
    Quality
        Means are taken out; each term is the average over both halves.
    """
    return Quality(
        *(float(term) for term in _terms(covariances([raw_even, raw_odd, denoised_even, denoised_odd])))
    )


def quality_by_shell(
    raw_even: Pixels, raw_odd: Pixels, denoised_even: Pixels, denoised_odd: Pixels, pixel_size: float
) -> ShellQuality:
    """Measure the terms of `quality` in each ring of spatial frequency.

    Parameters
    ----------
    raw_even, raw_odd, denoised_even, denoised_odd : ndarray
        See `quality`.
    pixel_size : float
        Å/px.

    Returns
    -------
    ShellQuality
        As power: white noise of variance v has v in each ring. A ring whose signal is negative
        by chance has ratios without meaning.
    """
    found = cross_power([raw_even, raw_odd, denoised_even, denoised_odd], pixel_size)
    return ShellQuality(*_terms(found.power), found.frequencies)


@dataclass(frozen=True)
class Gain:
    """Signal-to-noise ratios against a known truth, in dB."""

    raw_db: float
    denoised_db: float

    @property
    def gain_db(self) -> float:
        """What denoising gained."""
        return self.denoised_db - self.raw_db


def gain(raw: Pixels, denoised: Pixels, truth: Pixels) -> Gain:
    """Compare with the truth of a simulation, ``(h, w)`` each, after the best scale and offset.

    SNR = r² / (1 − r²): of an image that is the truth times a factor, plus noise that knows
    nothing of the truth, exactly its ratio of variances.
    """
    return Gain(*(_snr_db(pearson(image, truth)) for image in (raw, denoised)))


def _terms(shared: Array) -> tuple[Any, Any, Any, Any]:
    """Return signal, noises and bias from what raw even, raw odd, denoised even and odd share.

    Averaged over the two halves, which makes the noises half the variance of a difference and
    so never negative.
    """
    signal = shared[0, 1]
    noise_raw = (shared[0, 0] + shared[1, 1]) / 2 - signal
    noise_denoised = (shared[2, 2] + shared[3, 3]) / 2 - shared[2, 3]
    bias = shared[2, 3] + signal - shared[2, 1] - shared[3, 0]
    return signal, noise_raw, noise_denoised, bias


def _ratio(a: Number, b: Number) -> Number:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: Number = np.divide(a, b)
    return ratio


def _decibel(ratio: Number) -> Number:
    with np.errstate(divide="ignore", invalid="ignore"):
        decibel: Number = 10 * np.log10(ratio)
    return decibel


def _snr_db(r: float) -> float:
    return float(_decibel(_ratio(r * r, 1 - r * r)))


def middle(image: Pixels) -> Pixels:
    """Return the central 1024 × 1024 px of an image, or as much of it as there is; not a copy."""
    top, left = (max(0, side - CENTER) // 2 for side in image.shape)
    return image[top : top + CENTER, left : left + CENTER]


def _detail(image: Pixels) -> Pixels:
    """Return the image without what is wider than `WIDEST`, cut to whole bins."""
    wide = repeated(gaussian(block_mean(image, BIN).astype(np.float32), WIDEST / BIN), BIN)
    return image[: wide.shape[0], : wide.shape[1]] - wide
