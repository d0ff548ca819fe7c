"""Simulated exposures with a known truth: two halves, their sum, and what is in them.

Weak-phase images: projected potential of many particles at random heights → contrast transfer
→ damage and envelope → amorphous ice, the same in both halves → detector. Sources: Rullgård et
al. (2011), Vulović et al. (2013), Himes & Grigorieff (2021); the parts are in `optics`,
`specimen` and `detector`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cryoden import specimen
from cryoden.detector import Detector
from cryoden.micrograph import HalfPair, Micrograph, Pixels
from cryoden.optics import Grid, Optics, damage
from cryoden.specimen import Particle
from cryoden.structures import Recipe, Structure, assembly

Places = list[tuple[float, float]]
MARGIN = 200.0  # Å simulated around the micrograph and cut off: images made by FFT are periodic
ROUNDS = 12  # of looking for a free place before particles may overlap
GOLD_PHASE = 0.02  # rad per Å: a potential of about 30 V
CARBON_PHASE = 0.0033  # rad per Å: about 5 V more than the ice it replaces
CRYSTAL_PHASE = 0.0005  # rad per Å: ice, denser than the amorphous kind by a little


@dataclass(frozen=True)
class Scene:
    """What one simulated exposure looks like.

    Parameters
    ----------
    edge : int
        Side of the micrograph in px.
    pixel_size : float
        Å/px.
    particles : int
        How many, at random places and orientations; 0 for empty ice.
    recipes : tuple of Recipe
        Assemblies the particles are drawn from.
    optics : Optics
        The microscope.
    dose : float
        e⁻/Å² of both halves together.
    detector : Detector
        The camera.
    ice : float
        Mean thickness of the ice in Å.
    slope : float
        Relative change of the ice's thickness from edge to edge.
    carbon : float
        Share of the width that is carbon film, at one side.
    gold : int
        Gold beads of 10 nm.
    contamination : int
        Balls of ice of 20 to 80 nm.
    seed : int
        The same seed on the same kind of device gives the same pixels.
    """

    edge: int = 1024
    pixel_size: float = 2.0
    particles: int = 60
    recipes: tuple[Recipe, ...] = (Recipe("O", 900, 35, seed=4),)
    optics: Optics = field(default_factory=Optics)
    dose: float = 40.0
    detector: Detector = field(default_factory=Detector)
    ice: float = 400.0
    slope: float = 0.1
    carbon: float = 0.0
    gold: int = 0
    contamination: int = 0
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Contrast:
    """The noise-free parts of an exposure, ``(h, w)`` tensors.

    ``particles``, ``objects`` (gold, contamination, carbon) and ``texture`` (amorphous ice and
    carbon) are relative to the mean intensity; ``transmission`` is what reaches the camera.
    """

    particles: Tensor
    objects: Tensor
    texture: Tensor
    transmission: Tensor
    placed: tuple[Particle, ...]
    grid: Grid
    edge: int

    @property
    def intensity(self) -> Tensor:
        """What reaches the camera, relative to the mean."""
        return self.transmission * (1 + self.particles + self.objects + self.texture).clamp_min(0.02)

    def cropped(self, image: Tensor) -> Tensor:
        """Return the micrograph without the margin around it."""
        margin = (self.grid.height - self.edge) // 2
        return image[margin : margin + self.edge, margin : margin + self.edge]


@dataclass(frozen=True, eq=False)
class Exposure:
    """One simulated exposure; all pixels ``(h, w)`` float32 in detected electrons.

    ``clean`` (particles alone) and ``clean_with_ice`` (all that both halves share) are in the
    units of one half, around zero and around the mean.
    """

    scene: Scene
    even: Pixels
    odd: Pixels
    clean: Pixels
    clean_with_ice: Pixels
    placed: tuple[Particle, ...]

    @property
    def full(self) -> Pixels:
        """Both halves together."""
        return self.even + self.odd

    def pair(self, name: str) -> HalfPair:
        """Return the halves as micrographs."""
        even, odd = (
            Micrograph(pixels, self.scene.pixel_size, f"{name}_{suffix}")
            for pixels, suffix in ((self.even, "EVN"), (self.odd, "ODD"))
        )
        return HalfPair(even, odd)


def sample_pairs() -> list[HalfPair]:
    """Return two simulated pairs; every call gives the same pixels."""
    return [simulated(Scene(seed=seed), f"sample{seed}") for seed in (1, 2)]


def simulated(scene: Scene, name: str) -> HalfPair:
    """Return the two halves of one scene, as counts."""
    return exposed(scene).pair(name)


def exposed(
    scene: Scene, structures: Sequence[Structure] | None = None, device: torch.device | None = None
) -> Exposure:
    """Return one exposure of a scene.

    Parameters
    ----------
    scene : Scene
        What is to be seen.
    structures : sequence of Structure, optional
        Particles to use in place of the scene's recipes.
    device : torch.device, optional
        Where to compute; the CPU unless told.
    """
    device = device or torch.device("cpu")
    chosen = structures or [assembly(recipe) for recipe in scene.recipes]
    contrast = seen(scene, chosen, device)
    grid, numbers = contrast.grid, _generator(scene.seed, 2, device)
    arriving = scene.dose / 2 * scene.pixel_size**2 * contrast.intensity
    expected = scene.detector.expected(arriving, grid)
    even, odd = (scene.detector.recorded(expected, grid, numbers) for _ in range(2))
    blur = scene.detector.blur(grid)
    brightness = scene.detector.efficiency * scene.dose / 2 * scene.pixel_size**2
    clean = brightness * grid.filtered(contrast.particles, blur)
    shared = scene.detector.efficiency * (
        grid.filtered(expected, blur) if scene.detector.integrating else expected
    )
    e, o, c, s = (contrast.cropped(part).cpu().numpy() for part in (even, odd, clean, shared))
    return Exposure(scene, even=e, odd=o, clean=c, clean_with_ice=s, placed=contrast.placed)


def seen(scene: Scene, structures: Sequence[Structure], device: torch.device) -> Contrast:
    """Return what the microscope shows of a scene, before the camera."""
    margin = math.ceil(MARGIN / scene.pixel_size / 16) * 16
    side = scene.edge + 2 * margin
    grid = Grid(side, side, scene.pixel_size, device)
    places, numbers = np.random.default_rng((scene.seed, 1)), _generator(scene.seed, 1, device)
    placed = _placed(scene, structures, places)
    shifted = [replace(one, center=(one.center[0] + margin, one.center[1] + margin)) for one in placed]
    left = damage(grid, scene.dose)
    particles = specimen.particles(shifted, structures, grid, scene.optics) if placed else _empty(grid)
    film, crystals, beads = _obstacles(scene, grid, places, numbers)
    thickness = scene.ice * _thickness(scene, grid, places, numbers)
    transfer = scene.optics.transfer(grid) * scene.optics.envelope(grid)
    rough = specimen.ice_texture(grid, scene.ice, scene.dose, numbers, scene.optics)
    rough = rough * (thickness / scene.ice).sqrt()
    if scene.carbon:
        rough = rough + film / 150 * specimen.carbon_texture(grid, 150.0, numbers, scene.optics)
    phase = CARBON_PHASE * film + CRYSTAL_PHASE * crystals + GOLD_PHASE * beads
    obstacles = torch.exp(-crystals / specimen.MEAN_FREE_PATH - film / 1800 - beads / 120)
    return Contrast(
        grid.filtered(particles, left),
        grid.filtered(torch.sin(phase), transfer),
        grid.filtered(rough, transfer),
        obstacles * torch.exp(-(thickness - scene.ice) / specimen.MEAN_FREE_PATH),
        tuple(placed),
        grid,
        scene.edge,
    )


def _obstacles(
    scene: Scene, grid: Grid, places: np.random.Generator, numbers: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the thickness in Å of carbon film, of contaminating ice and of gold."""
    film = _empty(grid)
    if scene.carbon:
        waviness = specimen.undulation(grid, 1500.0, numbers) * 40 / grid.pixel_size
        edge = scene.edge * (0.5 - scene.carbon)
        film = 150.0 * specimen.half_plane(grid, edge, float(places.uniform(0, 2 * np.pi)), waviness)
    crystals = _balls(grid, scene.contamination, (100.0, 400.0), places)
    return film, crystals, _balls(grid, scene.gold, (45.0, 55.0), places)


def _balls(grid: Grid, count: int, radii: tuple[float, float], places: np.random.Generator) -> Tensor:
    centers = places.uniform(-0.5, 0.5, (count, 2)) * (grid.height, grid.width)
    return specimen.discs(
        grid, [(float(a), float(b)) for a, b in centers], list(places.uniform(*radii, count))
    )


def _thickness(scene: Scene, grid: Grid, places: np.random.Generator, numbers: torch.Generator) -> Tensor:
    """Return the relative thickness of the ice: a slope and gentle waves."""
    if not scene.slope:
        return torch.ones(grid.height, grid.width, device=grid.device)
    angle = places.uniform(0, 2 * np.pi)
    rows = torch.linspace(-0.5, 0.5, grid.height, device=grid.device)[:, None]
    columns = torch.linspace(-0.5, 0.5, grid.width, device=grid.device)[None]
    slope = scene.slope * (rows * math.sin(angle) + columns * math.cos(angle))
    waves = scene.slope / 10 * specimen.undulation(grid, 2000.0, numbers)
    return (1 + slope + waves).clamp_min(0.1)


def _placed(scene: Scene, structures: Sequence[Structure], numbers: np.random.Generator) -> list[Particle]:
    kinds = numbers.integers(len(structures), size=scene.particles)
    radii = np.array([structure.radius for structure in structures])[kinds] / scene.pixel_size
    placed = []
    for kind, radius, center in zip(kinds, radii, _centers(scene, radii, numbers), strict=True):
        reach = max(0.0, scene.ice / 2 - radius * scene.pixel_size)
        height = float(numbers.uniform(-reach, reach))
        placed.append(Particle(int(kind), center, height, rotation(numbers)))
    return placed


def _centers(scene: Scene, radii: NDArray[np.floating], numbers: np.random.Generator) -> Places:
    """Return centers in px that keep their distance where there is room.

    In each round all particles without a place try one; it is taken when it is far enough from
    every place taken so far and from those tried by particles before it.
    """
    found = numbers.uniform(0, scene.edge, (len(radii), 2))
    free = np.ones(len(radii), bool)
    for _ in range(ROUNDS):
        tried = np.flatnonzero(free)
        found[tried] = numbers.uniform(0, scene.edge, (len(tried), 2))
        apart = np.linalg.norm(found[tried, None] - found[None], axis=2)
        near = apart < 0.8 * (radii[tried, None] + radii[None])
        before = ~free[None] | (np.arange(len(radii))[None] < tried[:, None])
        free[tried] = (near & before & (np.arange(len(radii))[None] != tried[:, None])).any(axis=1)
    return [(float(row), float(column)) for row, column in found]


def rotation(numbers: np.random.Generator) -> NDArray[np.float32]:
    """Return a uniformly random rotation ``(3, 3)``: a random unit quaternion (Shoemake 1992)."""
    w, x, y, z = (q := numbers.normal(size=4)) / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ],
        dtype=np.float32,
    )


def _empty(grid: Grid) -> Tensor:
    return torch.zeros(grid.height, grid.width, device=grid.device)


def _generator(seed: int, stream: int, device: torch.device) -> torch.Generator:
    return torch.Generator(device).manual_seed(2 * seed * 1_000_003 + stream)
