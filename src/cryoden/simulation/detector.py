"""From expected electrons to pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from cryoden.simulation.optics import Grid


@dataclass(frozen=True)
class Detector:
    """How a camera counts.

    Parameters
    ----------
    efficiency : float
        Share of the electrons that is counted: DQE at zero frequency.
    transfer : float
        Share of the contrast left at the Nyquist frequency, exp(ln(transfer)·(k/k_N)²).
    integrating : bool
        False: single electrons are counted; contrast is lost toward Nyquist and the noise
        stays white. True: charge is integrated; signal and noise are both blurred, so the
        noise is colored, and each electron deposits a different charge.
    spread : float
        Relative standard deviation of the charge of one electron (integrating only).
    readout : float
        Standard deviation of the white readout noise, electrons per px (integrating only).
    """

    efficiency: float = 0.85
    transfer: float = 0.6
    integrating: bool = False
    spread: float = 0.6
    readout: float = 0.1

    def blur(self, grid: Grid) -> Tensor:
        """Return the modulation transfer on the grid."""
        return torch.exp(math.log(self.transfer) * grid.squared * (2 * grid.pixel_size) ** 2)

    def expected(self, arriving: Tensor, grid: Grid) -> Tensor:
        """Return the electrons per px to be expected; a counting camera loses contrast here."""
        return arriving if self.integrating else grid.filtered(arriving, self.blur(grid)).clamp_min(0)

    def recorded(self, expected: Tensor, grid: Grid, numbers: torch.Generator) -> Tensor:
        """Return the pixels of one exposure of ``(h, w)`` expected electrons per px."""
        # Before the counts, which can take more random numbers than a GPU's generator knows of.
        random = torch.randn(2 * self.integrating, *expected.shape, generator=numbers, device=expected.device)
        counts = torch.poisson(expected * self.efficiency, generator=numbers)
        if not self.integrating:
            return counts
        charge = counts + self.spread * counts.sqrt() * random[0]
        return grid.filtered(charge, self.blur(grid)) + self.readout * random[1]
