"""What makes simulated exposures hard: parts of the specimen, and what happens to pixels after the camera.

A change of the specimen takes and returns a `Contrast`; one of the pixels takes and returns a
`SimulatedExposure`. What is drawn at random comes from torch's own generator, seeded by the caller.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from cryoden.image.fourier_rings import inverse, radius, transform
from cryoden.micrograph import Array, Pixels
from cryoden.simulation.assemblies import AssemblyRecipe, Structure, assembly
from cryoden.simulation.exposure import SimulatedExposure, seen
from cryoden.simulation.optics import critical_dose
from cryoden.simulation.scene import Contrast, Scene

sys.path.append(str(Path(__file__).parents[1] / "scripts"))
from training_backgrounds import smooth
from training_objects import WIDTH, Specimen, lattice
from training_scenes import chain

Camera = Callable[[SimulatedExposure], SimulatedExposure]
LATTICE, LAYER = 2.13, 12.8  # Å, V Å: graphene's first reflection, and a layer's Fourier coefficient of it
FRAMES = 40


def background(width: float, strength: float) -> Specimen:
    """Return what adds a Gaussian random field of so many Å, relative to the particles' deviation."""

    def change(contrast: Contrast, _: Scene) -> Contrast:
        field = smooth(contrast.grid, WIDTH * width) * contrast.particles.std()
        return replace(contrast, objects=contrast.objects + strength * field)

    return change


def graphene(layers: int) -> Specimen:
    """Return what adds the first reflections of aligned layers, aliased where pixels are coarse."""

    def change(contrast: Contrast, scene: Scene) -> Contrast:
        squared = torch.tensor(1 / LATTICE**2)
        left = torch.exp(-scene.optics.b_factor / 4 * squared)  # of the contrast, at its best defocus
        amplitude = 2 * 2 * LAYER * layers * scene.optics.interaction * float(left)
        return lattice(LATTICE, amplitude)(contrast, scene)

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


def weighted(one: SimulatedExposure) -> SimulatedExposure:
    """Return the exposure as a sum of frames weighted by damage, not normalized (Grant & Grigorieff 2015).

    Frames lose the particles' contrast by q and are multiplied by q: particles are left with the mean of
    q² in place of q, what is not damaged with the mean of q, and noise with the root of the mean of q².
    """
    frequency = np.maximum(radius(one.even.shape) / one.scene.pixel_size, 1e-4)
    doses = (np.arange(FRAMES) + 0.5) * one.scene.dose / FRAMES
    left = [np.exp(-dose / (2 * critical_dose(frequency))) for dose in doses]
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
