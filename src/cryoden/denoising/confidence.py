"""How far what a denoised micrograph shows is borne out, place by place.

Around a place a picture shows something or other of 40 to 200 Å. Whether that is there depends on how strong
it is, relative to the noise of the micrograph in that band, and on how much there is in the micrograph as a
whole: of two equally faint blotches the one among strong particles is more often right than the one in empty
ice. The confidence is the probability that what is shown and what is there correlate positively around the
place: a normal distribution's, of a product of powers of both. The powers are calibrated on simulated
exposures of many kinds (`benchmarks/confidence_fit.py`), for the general model with ring gains.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from cryoden.denoising.ring_filter import oriented, summed
from cryoden.denoising.ring_gains import SAMPLES, Floor
from cryoden.errors import Remark
from cryoden.micrograph import Array

UNSURE = Remark(
    "T12", "no confidence: it needs ring gains, 256 px a side or more, and noise to be seen beyond 10 Å"
)
COARSE, FINE = 200.0, 40.0  # Å
AROUND = 60.0  # Å
SIGMA = 0.1874  # of a Gaussian over the wavelength at which it passes half of the amplitude
STRENGTH, HERE, WHOLE = 21.6, 1.05, 0.36  # factor, and powers of the amplitudes here and in the micrograph
SUREST = 0.99  # more is never said: noise may be other than its fine frequencies make it seem


def confidence(signal: Tensor, noise: Floor, pixel_size: float) -> Tensor:
    """Return for each place the probability that what is shown around it is right.

    Parameters
    ----------
    signal : Tensor
        ``(h, w)`` denoised.
    noise : callable
        From frequencies in cycles per px to the power of the micrograph's noise; white noise of variance v
        has v.
    pixel_size : float
        Å/px.

    Returns
    -------
    Tensor
        ``(h, w)``, from 0.5, as good as guessing, to 0.99.
    """
    here = amplitude(signal, noise, pixel_size)
    deviations = STRENGTH * here**HERE * here.mean() ** WHOLE
    return 0.5 + (SUREST - 0.5) * torch.erf(deviations / 2**0.5)


def amplitude(signal: Tensor, noise: Floor, pixel_size: float) -> Tensor:
    """Return ``(h, w)``: how strong structures are around each place, over the deviation of the noise."""
    frequencies = np.linspace(0, 0.5, SAMPLES)
    power = noise(frequencies) * _band(pixel_size) ** 2 * 2 * np.pi * frequencies
    shown = structure(signal, pixel_size)
    # Twice: the two parts that are shifted have, together, the power of the one that is not.
    strength = shared(shown, shown, pixel_size) / max(2 * float(np.trapezoid(power, frequencies)), 1e-12)
    return strength.clamp_(min=0).sqrt_()


def structure(image: Tensor, pixel_size: float) -> Tensor:
    """Return ``(3, h, w)``: the structures between 40 and 200 Å, and shifted, see `ring_filter.oriented`."""
    return oriented(image, _band(pixel_size))


def shared(one: Tensor, other: Tensor, pixel_size: float) -> Tensor:
    """Return ``(h, w)``: what two structures have in common around each place, negative where they disagree.

    Its sign is what a confidence is about.
    """
    return summed(((one * other).sum(0),), (_passed(AROUND / pixel_size),))


def _band(pixel_size: float) -> Array:
    return _passed(FINE / pixel_size) - _passed(COARSE / pixel_size)


def _passed(length: float) -> Array:
    """Return what a Gaussian passes that halves waves of a length in px."""
    return np.asarray(np.exp(-2 * (np.pi * SIGMA * length * np.linspace(0, 0.5, SAMPLES)) ** 2), np.float64)
