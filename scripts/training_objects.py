"""What else than particles and ice an exposure may show, as changes of its contrast, and how it moved.

Each function returns what takes a `Contrast` and its `Scene` and returns the changed contrast; what is drawn
at random comes from torch's own generator, seeded by the caller.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor
from training_backgrounds import smooth

from cryoden.simulation import specimen
from cryoden.simulation.assemblies import RESIDUE_POTENTIAL, RESIDUE_VOLUME
from cryoden.simulation.optics import damage
from cryoden.simulation.scene import Contrast, Scene

Specimen = Callable[[Contrast, Scene], Contrast]
PROTEIN = RESIDUE_POTENTIAL * (1 - specimen.SOLVENT_SHARE) / RESIDUE_VOLUME  # V beyond the ice in its place
LIPID = 1.5  # V, as PROTEIN, mean of heads and tails
FILAMENT, SUBUNIT, BILAYER = 80.0, 55.0, 36.0  # Å: width, repeat; from head to head
WIDTH = math.sqrt(2) * math.pi  # of `smooth`, over a Gaussian's standard deviation


def filaments(density: float) -> Specimen:
    """Return what adds wavy filaments of protein to the particles, so many across 1,000 Å."""

    def change(contrast: Contrast, scene: Scene) -> Contrast:
        rows, columns = positions(contrast)
        side = contrast.grid.height * contrast.grid.pixel_size
        volts = torch.zeros_like(contrast.particles)
        for turn, place, phase in torch.rand(max(1, round(density * side / 1000)), 3).tolist():
            angle, shift = math.pi * turn, (place - 0.5) * side
            along = rows * math.sin(angle) + columns * math.cos(angle)
            across = rows * math.cos(angle) - columns * math.sin(angle) - shift
            across = across + 60 * torch.sin(2 * math.pi * (along / 1500 + phase))
            repeated = 1 + 0.3 * torch.cos(2 * math.pi * (along + across / 3) / SUBUNIT)
            volts += PROTEIN * 2 * ((FILAMENT / 2) ** 2 - across**2).clamp_min(0).sqrt() * repeated
        return with_particles(contrast, volts, scene)

    return change


def membranes(apart: float) -> Specimen:
    """Return what adds bilayers seen from their edges, a third of the ice high, about so many Å apart."""

    def change(contrast: Contrast, scene: Scene) -> Contrast:
        # A random field is zero along lines; its slope says how far from one a place is.
        distance = smooth(contrast.grid, 2 * apart).abs() * 2 * apart / WIDTH
        heads = torch.exp(-(((distance - BILAYER / 2) / 8) ** 2))
        return with_particles(contrast, LIPID * scene.ice / 3 * heads, scene)

    return change


def vesicles(density: float) -> Specimen:
    """Return what adds hollow balls of bilayer to the particles, so many on 1,000 Å × 1,000 Å."""

    def change(contrast: Contrast, scene: Scene) -> Contrast:
        grid = contrast.grid
        area = (grid.height * grid.pixel_size / 1000) ** 2
        drawn = torch.rand(max(1, round(density * area)), 3).tolist()
        centers = [((a - 0.5) * grid.height, (b - 0.5) * grid.width) for a, b, _ in drawn]
        outer = [100 + 150 * size for *_, size in drawn]
        inner = [one - BILAYER for one in outer]
        volts = LIPID * (specimen.discs(grid, centers, outer) - specimen.discs(grid, centers, inner))
        return with_particles(contrast, volts, scene)

    return change


def lattice(length: float, amplitude: float) -> Specimen:
    """Return what adds the first reflections of a hexagonal lattice, as of graphene, at so many Å.

    Parameters
    ----------
    length : float
        Å of the waves as they are seen: those of graphene, 2.13 Å, come out longer where pixels are coarse.
    amplitude : float
        Of each of the three, relative to the mean intensity.
    """

    def change(contrast: Contrast, _: Scene) -> Contrast:
        rows, columns = positions(contrast)
        first = float(torch.rand(()) * math.pi)
        waves = sum(
            torch.cos(2 * math.pi / length * (rows * math.sin(a) + columns * math.cos(a)))
            for a in (first, first + math.pi / 3, first + 2 * math.pi / 3)
        )
        return replace(contrast, objects=contrast.objects + amplitude * waves)

    return change


def drift(length: float) -> Specimen:
    """Return what moves the specimen evenly by so many Å during the exposure, along one direction."""

    def change(contrast: Contrast, _: Scene) -> Contrast:
        rows, columns = contrast.grid.axes
        angle = float(torch.rand(()) * math.pi)
        blur = torch.sinc(length * (rows * math.sin(angle) + columns * math.cos(angle)))
        return filtered(contrast, blur, blur)

    return change


def filtered(contrast: Contrast, of_particles: Tensor, of_all_else: Tensor) -> Contrast:
    """Return the contrast with its spectra multiplied."""
    grid = contrast.grid
    particles = grid.filtered(contrast.particles, of_particles)
    objects, texture = (grid.filtered(part, of_all_else) for part in (contrast.objects, contrast.texture))
    return replace(contrast, particles=particles, objects=objects, texture=texture)


def with_particles(contrast: Contrast, volts: Tensor, scene: Scene) -> Contrast:
    """Return the contrast with V Å among what is to be seen, as the microscope shows it."""
    grid, optics = contrast.grid, scene.optics
    response = optics.interaction * optics.transfer(grid) * optics.envelope(grid) * damage(grid, scene.dose)
    return replace(contrast, particles=contrast.particles + grid.filtered(volts, response))


def positions(contrast: Contrast) -> tuple[Tensor, Tensor]:
    """Return rows and columns in Å from the middle."""
    grid = contrast.grid
    places = (torch.arange(grid.height, device=grid.device) - grid.height / 2) * grid.pixel_size
    return places[:, None], places[None]
