"""The noise of training exposures at their working pixel: what detectors and programs make of white noise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from cryoden.denoising.ring_gains import COARSEST
from cryoden.micrograph import Array
from cryoden.simulation.optics import critical_dose

WORKING = 3.0  # Å
Number = Tensor | float


def limited(frequency: Tensor, cutoff: Tensor | float) -> Tensor:
    """Return what is left along an axis of an image enlarged from pixels whose Nyquist is ``cutoff``."""
    return torch.sigmoid((cutoff - frequency.abs()) / (0.06 * cutoff))


def transfer(tint: Number, cutoff: Number, weighted: Number, edge: int, device: torch.device) -> Tensor:
    """Return how much of white noise is left in images of this edge, for their real Fourier transform."""
    rows = torch.fft.fftfreq(edge, device=device)[:, None]
    columns = torch.fft.rfftfreq(edge, device=device)[None]
    kept = limited(rows, cutoff) * limited(columns, cutoff)
    squared = rows**2 + columns**2
    weights = kept_of_noise(squared.sqrt() / WORKING, torch.as_tensor(weighted, device=device)).sqrt()
    return torch.exp(4 * tint * squared) * weights * kept


def kept_of_noise(frequency: Tensor, weighted: Tensor) -> Tensor:
    """Return the mean of q² over an exposure, frequencies in 1/Å; 1 where nothing was weighted.

    Source: Grant & Grigorieff (2015, eLife 4, e06980), eqs. 3 and 8, as `cryoden.simulation.optics.damage`.
    """
    exponent = (weighted / critical_dose(frequency.clamp_min(1e-4))).clamp_min(1e-4)
    return -torch.expm1(-exponent) / exponent


def continued(weighted: float, pixel: float) -> Callable[[Array], Array]:
    """Return the logarithm of what is believed to be left of weighted noise, at frequencies in 1/Å.

    As `cryoden.denoising.ring_gains.floor` continues it from what detector pixels of so many Å show.
    """
    frequency = np.linspace(1 / COARSEST, max(0.45 / pixel, 1.5 / COARSEST), 100)
    left = kept_of_noise(torch.from_numpy(frequency), torch.tensor(weighted)).log().numpy()
    fit = np.polynomial.Polynomial.fit(frequency**2, left, 1, w=np.sqrt(frequency))
    return lambda frequencies: np.asarray(fit(frequencies**2))


def striped(deviation: Tensor, edge: int) -> Tensor:
    """Return faulty columns, or rows, ``(n, edge, edge)``, of each of ``n`` deviations."""
    shape, device = (len(deviation), 1, edge), deviation.device
    faulty = torch.rand(shape, device=device) < 0.2 * torch.rand((), device=device)
    lines = faulty * torch.randn(shape, device=device) * deviation[:, None, None]
    lines = lines.expand(-1, edge, -1)
    return lines if torch.rand(()) < 0.5 else lines.transpose(1, 2)
