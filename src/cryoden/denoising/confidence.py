"""How far what a denoised micrograph shows is borne out, place by place.

The error that is left in each ring of spatial frequency is known (`ring_gains`). Of what is shown between
40 and 400 Å it makes up a variance; where the picture departs from its surroundings by much more, it is right
that there is something brighter or darker, and where by less, it may as well be the other way round. The
confidence is the probability that the sign is right, for an error with a normal distribution.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from cryoden.denoising.ring_filter import summed
from cryoden.micrograph import Array

COARSE, FINE = 400.0, 40.0  # Å
SIGMA = 0.1874  # of a Gaussian over the wavelength at which it passes half of the amplitude
TINY = 1e-12


def confidence(signal: Tensor, error: Array, pixel_size: float) -> Tensor:
    """Return for each place the probability that it is shown brighter or darker rightly.

    Parameters
    ----------
    signal : Tensor
        ``(h, w)`` denoised.
    error : ndarray
        ``(n,)`` power of its error at frequencies spread evenly from 0 to 1/2 cycle per px.
    pixel_size : float
        Å/px.

    Returns
    -------
    Tensor
        ``(h, w)``, from 0.5, as good as guessing, to 1.
    """
    band = _passed(len(error), FINE / pixel_size) - _passed(len(error), COARSE / pixel_size)
    frequencies = np.linspace(0, 0.5, len(error))
    variance = np.trapezoid(error * band**2 * 2 * np.pi * frequencies, frequencies)
    shown = summed((signal,), (band,))
    found: Tensor = torch.special.ndtr(shown.abs() / max(float(variance), TINY) ** 0.5)
    return found


def _passed(samples: int, length: float) -> Array:
    """Return what a Gaussian passes that halves waves of a length in px."""
    return np.asarray(np.exp(-2 * (np.pi * SIGMA * length * np.linspace(0, 0.5, samples)) ** 2), np.float64)
