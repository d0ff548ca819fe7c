"""What lies in the hole: particles, ice, carbon, gold and contamination, as phase shifts.

All functions return ``(h, w)`` tensors on the grid's device. Phase shifts are in rad, before
the microscope; transmissions are shares of the electrons.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cryoden.simulation.assemblies import Structure
from cryoden.simulation.optics import Grid, Optics, damage

SLAB = 100.0  # Å of height that share one defocus
ATOM_B, SOLVENT_B, SOLVENT_SHARE = 60.0, 700.0, 0.6  # 0.6 = 4.75 V of water × 135 Å³ / 1,074 V Å³
WATERS, WATER_POTENTIAL = 0.0311, 146.0  # per Å³; V Å³
WATER_MOTION = 1 / 3  # Å² per e⁻/Å² and direction; in all three about 1.1 (McMullan et al. 2015)
MEAN_FREE_PATH = 3500.0  # Å of ice, inelastic, 300 kV (near what Rice et al. 2018 measured)
CHUNK = 1 << 22  # atoms projected at once


@dataclass(frozen=True)
class Particle:
    """One copy of a structure.

    ``center`` is (row, column) in px, ``height`` in Å above the middle of the ice, ``rotation``
    ``(3, 3)``.
    """

    structure: int
    center: tuple[float, float]
    height: float
    rotation: NDArray[np.float32]


def particles(
    placed: Sequence[Particle], structures: Sequence[Structure], grid: Grid, optics: Optics, dose: float
) -> Tensor:
    """Return the contrast of all particles, each slab of heights at its own defocus, and damaged."""
    slabs: dict[int, list[Particle]] = {}
    for particle in placed:
        slabs.setdefault(round(particle.height / SLAB), []).append(particle)
    spectrum = torch.zeros(grid.height, grid.width // 2 + 1, dtype=torch.complex64, device=grid.device)
    for slab, members in slabs.items():
        spectrum += _projected(members, structures, grid) * optics.transfer(grid, slab * SLAB)
    response = optics.interaction * form_factor(grid) * optics.envelope(grid) * damage(grid, dose)
    return grid.image(spectrum * response)


def form_factor(grid: Grid) -> Tensor:
    """Return how a pseudo-atom and the ice it displaces scatter, 1 − 0.6 at zero frequency."""
    squared = grid.squared
    return torch.exp(-ATOM_B / 4 * squared) - SOLVENT_SHARE * torch.exp(-SOLVENT_B / 4 * squared)


def _projected(placed: Sequence[Particle], structures: Sequence[Structure], grid: Grid) -> Tensor:
    """Return the spectrum of the projected weights, V Å: fine grid, then its low frequencies."""
    fine = max(1, math.ceil(grid.pixel_size / 1.5))
    height, width = grid.height * fine, grid.width * fine
    pixels = torch.zeros(height * width, device=grid.device)
    for kind in sorted({particle.structure for particle in placed}):
        members = [particle for particle in placed if particle.structure == kind]
        _splat(pixels, (height, width), structures[kind], members, grid.pixel_size / fine, fine)
    spectrum = torch.fft.rfft2(pixels.view(height, width)) / grid.pixel_size**2
    rows, columns = grid.axes
    # A bilinear splat smooths by sinc² along each axis; undone here.
    sinc = torch.sinc(rows * grid.pixel_size / fine) * torch.sinc(columns * grid.pixel_size / fine)
    top = (grid.height + 1) // 2
    low = torch.cat([spectrum[:top], spectrum[height - (grid.height - top) :]])[:, : grid.width // 2 + 1]
    return low / sinc**2


def _splat(
    pixels: Tensor,
    shape: tuple[int, int],
    structure: Structure,
    members: Sequence[Particle],
    pixel_size: float,
    fine: int,
) -> None:
    """Add the atoms of all copies to the grid, each shared by its four nearest pixels."""
    positions = torch.from_numpy(structure.positions).to(pixels.device) / pixel_size
    weights = torch.from_numpy(structure.weights).to(pixels.device)
    height, width = shape
    at_once = max(1, CHUNK // len(positions))
    for first in range(0, len(members), at_once):
        some = members[first : first + at_once]
        turned = torch.from_numpy(np.stack([m.rotation[:2] for m in some])).to(positions) @ positions.T
        # Every fine-th pixel of the fine grid is one of the micrograph: its spectrum is cut, not binned.
        centers = torch.tensor([m.center for m in some], device=pixels.device) * fine
        where = turned + centers[:, :, None]
        corner = where.floor()
        share = where - corner
        row, column = corner.long().unbind(1)
        for down, across in ((0, 0), (0, 1), (1, 0), (1, 1)):
            part = (share[:, 0] if down else 1 - share[:, 0]) * (share[:, 1] if across else 1 - share[:, 1])
            index = (row + down) % height * width + (column + across) % width
            pixels.index_add_(0, index.flatten(), (part * weights).flatten())


def ice_texture(
    grid: Grid, thickness: float, dose: float, numbers: torch.Generator, optics: Optics
) -> Tensor:
    """Return the phase shift of amorphous ice, a Gaussian random field with a peak at 3.77 Å.

    Its power is that of independent water molecules times a structure factor (low at low
    frequencies, where ice is nearly incompressible; 1 at high ones), times what is left when
    the molecules diffuse during the exposure (McMullan et al. 2015).
    """
    squared = grid.squared
    frequency = squared.sqrt()
    ordered = 0.01 + 0.99 * torch.sigmoid((frequency - 0.245) / 0.013)
    ordered += 2.6 * torch.exp(-(((frequency - 1 / 3.77) / 0.02) ** 2) / 2)
    still = _still(2 * math.pi**2 * WATER_MOTION * dose * squared)
    molecule = WATER_POTENTIAL * torch.exp(-10 / 4 * squared)
    power = optics.interaction**2 * WATERS * thickness * molecule**2 * ordered * still
    return _random_field(grid, power, numbers)


def _still(moved: Tensor) -> Tensor:
    """Return the power left by diffusion: mean of exp(−x|s−t|) over s and t from 0 to 1."""
    small = moved < 0.05  # where the closed form would cancel
    safe = torch.where(small, 1.0, moved)
    return torch.where(small, 1 - moved / 3, 2 * (safe - 1 + torch.exp(-safe)) / safe**2)


def carbon_texture(grid: Grid, thickness: float, numbers: torch.Generator, optics: Optics) -> Tensor:
    """Return the phase shift of a carbon film: uncorrelated atoms, 0.1 Å⁻³, 120 V Å³ each."""
    power = optics.interaction**2 * 0.1 * thickness * 120.0**2 * torch.exp(-10 / 2 * grid.squared) * 0.3
    return _random_field(grid, power, numbers)


def undulation(grid: Grid, wavelength: float, numbers: torch.Generator) -> Tensor:
    """Return a smooth random field of unit variance, structures of ``wavelength`` Å and wider."""
    field = _random_field(grid, torch.exp(-((grid.squared.sqrt() * wavelength) ** 2)), numbers)
    return (field - field.mean()) / field.std().clamp_min(1e-9)


def half_plane(grid: Grid, distance: float, angle: float, waviness: Tensor) -> Tensor:
    """Return 1 on one side of a wavy edge ``distance`` px from the middle, 0 on the other."""
    rows, columns = _positions(grid)
    along = rows * math.sin(angle) + columns * math.cos(angle) - distance + waviness
    return torch.sigmoid(along * grid.pixel_size / 10)


def discs(grid: Grid, centers: Sequence[tuple[float, float]], radii: Sequence[float]) -> Tensor:
    """Return the thickness in Å of balls with ``radii`` Å at ``centers`` px."""
    rows, columns = _positions(grid)
    thickness = torch.zeros(grid.height, grid.width, device=grid.device)
    for (row, column), radius in zip(centers, radii, strict=True):
        apart = ((rows - row) ** 2 + (columns - column) ** 2) * grid.pixel_size**2
        thickness += 2 * (radius**2 - apart).clamp_min(0).sqrt()
    return thickness


def _positions(grid: Grid) -> tuple[Tensor, Tensor]:
    """Return rows and columns in px from the middle."""
    rows = torch.arange(grid.height, device=grid.device)[:, None] - grid.height / 2
    columns = torch.arange(grid.width, device=grid.device)[None] - grid.width / 2
    return rows, columns


def _random_field(grid: Grid, power: Tensor, numbers: torch.Generator) -> Tensor:
    """Return a Gaussian field of a power spectrum given in units² Å²."""
    white = torch.randn(grid.height, grid.width, generator=numbers, device=grid.device)
    return grid.filtered(white, power.sqrt() / grid.pixel_size)
