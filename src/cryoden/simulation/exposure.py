"""Simulated exposures with a known truth: two halves, their sum, and what is in them.

Weak-phase images: projected potential of many particles at random heights → contrast transfer,
envelope and damage → amorphous ice, the same in both halves → detector. After the simulators of
Rullgård et al. (2011, J. Microsc. 243, 234), Vulović et al. (2013, J. Struct. Biol. 183, 19) and
Himes & Grigorieff (2021, IUCrJ 8, 943); docs/simulator.md says what differs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from cryoden.micrograph import HalfPair, Micrograph, Pixels
from cryoden.simulation import specimen
from cryoden.simulation.assemblies import AssemblyRecipe, Structure, assembly
from cryoden.simulation.obstacles import FILM, Solids, solids, thickness
from cryoden.simulation.optics import Grid, Optics
from cryoden.simulation.placement import placed
from cryoden.simulation.scene import Contrast, Scene
from cryoden.simulation.specimen import Particle

MARGIN = 200.0  # Å simulated around the micrograph and cut off: images made by FFT are periodic
# A hollow barrel, seen from its ends and its sides; hardly to be made out in a half.
SAMPLE = Scene(
    particles=50,
    recipes=(AssemblyRecipe("D7", 750, wall=35, aspect=1.3, seed=4),),
    optics=Optics(defocus=1.8),
)


@dataclass(frozen=True, eq=False)
class SimulatedExposure:
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


def simulated_sample() -> list[HalfPair]:
    """Return the two pairs of `cryoden.simulation.sample`, simulated again."""
    return [simulated(replace(SAMPLE, seed=seed), f"sample{seed}") for seed in (1, 2)]


def simulated(scene: Scene, name: str) -> HalfPair:
    """Return the two halves of one scene, as counts."""
    return exposed(scene).pair(name)


def exposed(
    scene: Scene, structures: Sequence[Structure] | None = None, device: torch.device | None = None
) -> SimulatedExposure:
    """Return one exposure of a scene.

    Parameters
    ----------
    scene : Scene
        What is to be seen.
    structures : sequence of Structure, optional
        Particles to use in place of the scene's recipes.
    device : torch.device, optional
        Where to compute; the CPU by default.
    """
    device = device or torch.device("cpu")
    chosen = structures or [assembly(recipe) for recipe in scene.recipes]
    return counted(seen(scene, chosen, device), scene)


def counted(contrast: Contrast, scene: Scene) -> SimulatedExposure:
    """Return what the camera records of a scene's contrast; same scene, same noise."""
    grid, device = contrast.grid, contrast.grid.device
    arriving = scene.dose / 2 * scene.pixel_size**2 * contrast.intensity
    expected = scene.detector.expected(arriving, grid)
    # A generator for each half: on a GPU torch lets the next draw begin 20 numbers further on, where
    # a Poisson variable of 20 to 64 takes more, and halves from one generator would share noise.
    even, odd = (
        scene.detector.recorded(expected, grid, _generator(scene.seed, stream, device)) for stream in (2, 3)
    )
    blur = scene.detector.blur(grid)
    brightness = scene.detector.efficiency * scene.dose / 2 * scene.pixel_size**2
    clean = brightness * grid.filtered(contrast.particles, blur)
    shared = scene.detector.efficiency * (
        grid.filtered(expected, blur) if scene.detector.integrating else expected
    )
    e, o, c, s = (contrast.cropped(part).cpu().numpy() for part in (even, odd, clean, shared))
    return SimulatedExposure(scene, even=e, odd=o, clean=c, clean_with_ice=s, placed=contrast.placed)


def seen(scene: Scene, structures: Sequence[Structure], device: torch.device) -> Contrast:
    """Return what the microscope shows of a scene, before the camera."""
    margin = math.ceil(MARGIN / scene.pixel_size / 16) * 16
    grid = Grid(scene.edge + 2 * margin, scene.edge + 2 * margin, scene.pixel_size, device)
    places, numbers = np.random.default_rng((scene.seed, 1)), _generator(scene.seed, 1, device)
    inside = placed(scene, structures, places)
    shifted = [replace(one, center=(one.center[0] + margin, one.center[1] + margin)) for one in inside]
    solid = solids(scene, grid, places, numbers)
    relative = thickness(scene, grid, places, numbers)
    rough = _roughness(scene, solid, relative, numbers)
    transfer = scene.optics.transfer(grid) * scene.optics.envelope(grid)
    return Contrast(
        particles=specimen.particles(shifted, structures, grid, scene.optics, scene.dose),
        objects=torch.zeros_like(rough) if scene.bare else grid.filtered(torch.sin(solid.phase), transfer),
        texture=grid.filtered(rough, transfer),
        transmission=solid.transmission * torch.exp((1 - relative) * scene.ice / specimen.MEAN_FREE_PATH),
        placed=tuple(inside),
        grid=grid,
        edge=scene.edge,
    )


def _roughness(scene: Scene, solid: Solids, relative: Tensor, numbers: torch.Generator) -> Tensor:
    """Return the phase shift of amorphous ice, and of amorphous carbon where there is any."""
    ice = specimen.ice_texture(solid.grid, scene.ice, scene.dose, numbers, scene.optics)
    rough = ice * relative.sqrt()
    if scene.carbon:
        texture = specimen.carbon_texture(solid.grid, FILM, numbers, scene.optics)
        rough += solid.film / FILM * texture
    return rough


def _generator(seed: int, stream: int, device: torch.device) -> torch.Generator:
    return torch.Generator(device).manual_seed(4 * seed * 1_000_003 + stream)
