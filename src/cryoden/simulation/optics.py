"""What the microscope does to a phase shift: contrast transfer, envelope, damage.

Frequencies are in 1/Å, lengths in Å unless a name says otherwise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import torch
from torch import Tensor

from cryoden.micrograph import Array

ELECTRON_REST = 510_998.95  # eV
Frequencies = TypeVar("Frequencies", Tensor, Array)


@dataclass(frozen=True)
class Optics:
    """A microscope and its setting.

    Parameters
    ----------
    voltage : float
        kV.
    spherical : float
        Cs in mm.
    amplitude : float
        Amplitude contrast.
    defocus : float
        Underfocus in µm.
    astigmatism : float
        Difference of the two principal defoci in Å.
    axis : float
        Direction of the larger defocus in rad.
    b_factor : float
        Å², of the envelope exp(−B k²/4).
    """

    voltage: float = 300.0
    spherical: float = 2.7
    amplitude: float = 0.07
    defocus: float = 1.5
    astigmatism: float = 200.0
    axis: float = 0.5
    b_factor: float = 60.0

    @property
    def wavelength(self) -> float:
        """De Broglie wavelength with relativistic correction, Å."""
        volts = self.voltage * 1e3
        return 12.26426 / math.sqrt(volts * (1 + volts / (2 * ELECTRON_REST)))

    @property
    def interaction(self) -> float:
        """Phase shift per projected potential, rad/(V Å): Kirkland (2010), eq. 5.6 (σ = 2πmeλ/h²)."""
        volts = self.voltage * 1e3
        relativistic = (ELECTRON_REST + volts) / (2 * ELECTRON_REST + volts)
        return 2 * math.pi / (self.wavelength * volts) * relativistic

    def transfer(self, grid: Grid, height: float = 0.0) -> Tensor:
        """Return the contrast transfer function ``(h, w//2+1)`` of a layer ``height`` Å up.

        Dense matter is dark under focus. Source: Rohou & Grigorieff (2015, J. Struct. Biol. 192,
        216), section 2: underfocus positive, and amplitude contrast w a phase of arcsin w; times
        2, because intensity is the square of the wave.
        """
        squared = grid.squared
        difference = torch.cos(2 * (grid.angle - self.axis)) * self.astigmatism / 2
        defocus = self.defocus * 1e4 + height + difference
        aberration = 0.5 * self.wavelength**2 * squared * self.spherical * 1e7
        shift = math.pi * self.wavelength * squared * (defocus - aberration)
        return -2 * torch.sin(shift + math.asin(self.amplitude))

    def envelope(self, grid: Grid) -> Tensor:
        """Return exp(−B k²/4)."""
        return torch.exp(-self.b_factor / 4 * grid.squared)


@dataclass(frozen=True, eq=False)
class Grid:
    """The half plane of spatial frequencies of a real ``(h, w)`` image."""

    height: int
    width: int
    pixel_size: float
    device: torch.device

    @property
    def axes(self) -> tuple[Tensor, Tensor]:
        """Rows ``(h, 1)`` and columns ``(1, w//2+1)`` in 1/Å."""
        rows = torch.fft.fftfreq(self.height, self.pixel_size, device=self.device)[:, None]
        columns = torch.fft.rfftfreq(self.width, self.pixel_size, device=self.device)[None]
        return rows, columns

    @cached_property
    def squared(self) -> Tensor:
        """k² in 1/Å²."""
        rows, columns = self.axes
        return rows**2 + columns**2

    @cached_property
    def angle(self) -> Tensor:
        """Direction of a frequency in rad."""
        rows, columns = self.axes
        return torch.atan2(rows, columns)

    def filtered(self, image: Tensor, response: Tensor) -> Tensor:
        """Return the image with its spectrum multiplied by the response."""
        return self.image(torch.fft.rfft2(image).mul_(response))

    def image(self, spectrum: Tensor) -> Tensor:
        """Return the real image of a half-plane spectrum."""
        image: Tensor = torch.fft.irfft2(spectrum, s=(self.height, self.width))
        return image


def damage(grid: Grid, dose: float) -> Tensor:
    """Return the mean amplitude left over an exposure of ``dose`` e⁻/Å².

    The mean of exp(−d / 2Nc) over the exposure, with Nc from `critical_exposure`.
    """
    exponent = dose / (2 * critical_exposure(grid))
    return -torch.expm1(-exponent) / exponent


def critical_exposure(grid: Grid) -> Tensor:
    """Return `critical_dose` on the grid; the mean has that of the longest wave."""
    longest = grid.pixel_size * max(grid.height, grid.width)
    return critical_dose(grid.squared.sqrt().clamp_min(1 / longest))


def critical_dose(frequency: Frequencies) -> Frequencies:
    """Return the dose in e⁻/Å² at which a signal of frequencies in 1/Å has fallen to 1/√e in amplitude.

    Grant & Grigorieff (2015, eLife 4, e06980, eq. 3), measured at 300 kV.
    """
    return 0.245 * frequency**-1.665 + 2.81
