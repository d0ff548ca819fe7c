"""What makes simulated exposures hard: parts of the specimen, and what happens to pixels after the camera.

A change of the specimen takes and returns a `Contrast`; one of the pixels takes and returns a
`SimulatedExposure`. What is drawn at random comes from torch's own generator, seeded by the caller.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cryoden.image.fourier_rings import inverse, radius, transform
from cryoden.micrograph import Array, Pixels
from cryoden.simulation import specimen
from cryoden.simulation.assemblies import (
    RESIDUE_POTENTIAL,
    RESIDUE_VOLUME,
    AssemblyRecipe,
    Structure,
    assembly,
)
from cryoden.simulation.exposure import SimulatedExposure, seen
from cryoden.simulation.optics import damage
from cryoden.simulation.scene import Contrast, Scene

sys.path.append(str(Path(__file__).parents[1] / "scripts"))
from training_backgrounds import smooth
from training_scenes import chain

Specimen = Callable[[Contrast, Scene], Contrast]
Camera = Callable[[SimulatedExposure], SimulatedExposure]
PROTEIN = RESIDUE_POTENTIAL * (1 - specimen.SOLVENT_SHARE) / RESIDUE_VOLUME  # V beyond the ice in its place
LIPID = 1.5  # V, as PROTEIN, mean of heads and tails
LATTICE, LAYER = 2.13, 12.8  # Å, V Å: graphene's first reflection, and a layer's Fourier coefficient of it
FILAMENT, SUBUNIT, BILAYER = 80.0, 55.0, 36.0  # Å: width, repeat; from head to head
WIDTH = math.sqrt(2) * math.pi  # of `smooth`, over a Gaussian's standard deviation
FRAMES = 40


def background(width: float, strength: float) -> Specimen:
    """Return what adds a Gaussian random field of so many Å, relative to the particles' deviation."""

    def change(contrast: Contrast, _: Scene) -> Contrast:
        field = smooth(contrast.grid, WIDTH * width) * contrast.particles.std()
        return replace(contrast, objects=contrast.objects + strength * field)

    return change


def drift(length: float) -> Specimen:
    """Return what moves the specimen evenly by so many Å during the exposure, along one direction."""

    def change(contrast: Contrast, _: Scene) -> Contrast:
        rows, columns = contrast.grid.axes
        angle = float(torch.rand(()) * math.pi)
        blur = torch.sinc(length * (rows * math.sin(angle) + columns * math.cos(angle)))
        parts = (contrast.particles, contrast.objects, contrast.texture)
        particles, objects, texture = (contrast.grid.filtered(part, blur) for part in parts)
        return replace(contrast, particles=particles, objects=objects, texture=texture)

    return change


def graphene(layers: int) -> Specimen:
    """Return what adds the first reflections of aligned layers, aliased where pixels are coarse."""

    def change(contrast: Contrast, scene: Scene) -> Contrast:
        squared = torch.tensor(1 / LATTICE**2)
        left = torch.exp(-scene.optics.b_factor / 4 * squared)  # of the contrast, at its best defocus
        amplitude = 2 * 2 * LAYER * layers * scene.optics.interaction * float(left)
        rows, columns = positions(contrast)
        first = float(torch.rand(()) * math.pi)
        waves = sum(
            torch.cos(2 * math.pi / LATTICE * (rows * math.sin(a) + columns * math.cos(a)))
            for a in (first, first + math.pi / 3, first + 2 * math.pi / 3)
        )
        return replace(contrast, objects=contrast.objects + amplitude * waves)

    return change


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


def chains(each: float) -> Specimen:
    """Return what adds unfolded chains, so many for each particle; no particles themselves."""
    return _among([chain(seed) for seed in range(977, 977 + 12)], each)


def fragments(each: float) -> Specimen:
    """Return what adds pieces of 15 to 50 kDa, so many for each particle; no particles themselves."""
    recipes = [AssemblyRecipe("C1", float(mass), seed=977) for mass in (15, 25, 35, 50)]
    return _among([assembly(recipe) for recipe in recipes], each)


def _among(structures: Sequence[Structure], each: float) -> Specimen:
    def change(contrast: Contrast, scene: Scene) -> Contrast:
        others = replace(scene, particles=round(each * scene.particles), seed=scene.seed + 500_000)
        found = seen(others, structures, contrast.grid.device).particles
        return replace(contrast, objects=contrast.objects + found)

    return change


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


def weighted(one: SimulatedExposure) -> SimulatedExposure:
    """Return the exposure as a sum of frames weighted by damage, not normalized (Grant & Grigorieff 2015).

    Frames lose the particles' contrast by q and are multiplied by q: particles are left with the mean of
    q² in place of q, what is not damaged with the mean of q, and noise with the root of the mean of q².
    """
    frequency = np.maximum(radius(one.even.shape) / one.scene.pixel_size, 1e-4)
    doses = (np.arange(FRAMES) + 0.5) * one.scene.dose / FRAMES
    critical = 0.245 * frequency**-1.665 + 2.81
    left = [np.exp(-dose / (2 * critical)) for dose in doses]
    mean, square = sum(left) / FRAMES, sum(q * q for q in left) / FRAMES
    clean = filtered(one.clean, square / mean)
    ice = filtered(one.clean_with_ice - one.clean, mean)
    even, odd = (
        clean + ice + filtered(half - one.clean_with_ice, np.sqrt(square)) for half in (one.even, one.odd)
    )
    return replace(one, even=even, odd=odd, clean=clean, clean_with_ice=clean + ice)


def filtered(image: Pixels, response: Array) -> Pixels:
    """Return the image with its spectrum multiplied."""
    return inverse((transform(image) * response).astype(np.complex64), image.shape)


def eight_bits(span: float) -> Camera:
    """Return what rounds to 256 levels over so many standard deviations, as a hot pixel widens them."""

    def rounded(half: Pixels) -> Pixels:
        step = span * half.std() / 255
        return np.asarray(np.clip(np.round((half - half.mean()) / step), -128, 127), np.float32)

    return lambda one: replace(one, even=rounded(one.even), odd=rounded(one.odd))


def faulty_gain(pixels: float = 0.0, columns: float = 0.0) -> Camera:
    """Return what multiplies both halves by one map: each pixel's error, and a share of columns 10 % off."""

    def change(one: SimulatedExposure) -> SimulatedExposure:
        numbers = np.random.default_rng((one.scene.seed, 5))
        gain = 1 + pixels * numbers.standard_normal(one.even.shape)
        faulty = numbers.permutation(one.even.shape[1])[: round(columns * one.even.shape[1])]
        gain[:, faulty] += 0.1 * numbers.choice([-1, 1], len(faulty))
        even, odd = (np.float32(gain) * half for half in (one.even, one.odd))
        return replace(one, even=even, odd=odd)

    return change
