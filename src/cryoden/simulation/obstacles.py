"""What lies in the hole besides ice and particles: carbon film, gold, contaminating ice."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cryoden.simulation import specimen
from cryoden.simulation.optics import Grid
from cryoden.simulation.scene import Scene

FILM = 150.0  # Å, thickness of the carbon film
# rad per Å at 300 kV, beyond what the ice in its place would give
GOLD_PHASE = 0.02  # a potential of about 30 V
CARBON_PHASE = 0.0033  # about 5 V
CRYSTAL_PHASE = 0.0005  # less than the 4.5 V of ice: the middle of a thick ball stays a weak phase
GOLD_PATH, CARBON_PATH = 120.0, 1800.0  # Å over which 1/e of the electrons stay, at 300 kV


@dataclass(frozen=True, eq=False)
class Solids:
    """Thickness in Å of carbon film, contaminating ice and gold, ``(h, w)`` each."""

    film: Tensor
    crystals: Tensor
    beads: Tensor
    grid: Grid

    @property
    def phase(self) -> Tensor:
        """Phase shift in rad."""
        return CARBON_PHASE * self.film + CRYSTAL_PHASE * self.crystals + GOLD_PHASE * self.beads

    @property
    def transmission(self) -> Tensor:
        """Share of the electrons that neither lose energy nor hit the aperture."""
        lost = self.crystals / specimen.MEAN_FREE_PATH + self.film / CARBON_PATH + self.beads / GOLD_PATH
        return torch.exp(-lost)


def solids(scene: Scene, grid: Grid, places: np.random.Generator, numbers: torch.Generator) -> Solids:
    """Return the solids of a scene: a film with a wavy edge at one side, balls anywhere."""
    film = torch.zeros(grid.height, grid.width, device=grid.device)
    if scene.carbon:
        waviness = specimen.undulation(grid, 1500.0, numbers) * 40 / grid.pixel_size
        edge = scene.edge * (0.5 - scene.carbon)
        film = FILM * specimen.half_plane(grid, edge, float(places.uniform(0, 2 * np.pi)), waviness)
    crystals = _balls(grid, scene.contamination, (100.0, 400.0), places)
    return Solids(film, crystals, _balls(grid, scene.gold, (45.0, 55.0), places), grid)


def thickness(scene: Scene, grid: Grid, places: np.random.Generator, numbers: torch.Generator) -> Tensor:
    """Return the thickness of the ice relative to its mean: a slope and gentle waves."""
    if not scene.slope:
        return torch.ones(grid.height, grid.width, device=grid.device)
    angle = places.uniform(0, 2 * np.pi)
    rows = torch.linspace(-0.5, 0.5, grid.height, device=grid.device)[:, None]
    columns = torch.linspace(-0.5, 0.5, grid.width, device=grid.device)[None]
    slope = scene.slope * (rows * math.sin(angle) + columns * math.cos(angle))
    waves = scene.slope / 10 * specimen.undulation(grid, 2000.0, numbers)
    return (1 + slope + waves).clamp_min(0.1)


def _balls(grid: Grid, count: int, radii: tuple[float, float], places: np.random.Generator) -> Tensor:
    centers = places.uniform(-0.5, 0.5, (count, 2)) * (grid.height, grid.width)
    return specimen.discs(
        grid, [(float(a), float(b)) for a, b in centers], list(places.uniform(*radii, count))
    )
