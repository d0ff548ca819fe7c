"""What the general model is trained on: scenes drawn far beyond the plausible, and their truth.

A third of the scenes are as usual micrographs are. In the others doses reach down to 0.15 e⁻/Å², particles
to 40 kDa and up to close packing, with unfolded chains among them; behind them lie slow backgrounds of 0.05
to 6 times the particles' standard deviation, films, filaments and patches (level sets of random fields), and
noise of the particles' own spectrum; membranes, vesicles and filaments lie among them; detector pixels
reach up to 5 Å. All that is shown as truth: what a network cannot tell from particles it should pass on as
a linear filter would, not leave away. Faults of a gain reference and rounding to few levels are not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor
from training_backgrounds import between, beyond, haze, scrambled
from training_noise import WORKING, continued, limited, transfer
from training_objects import drift, filaments, filtered, lattice, membranes, vesicles

from cryoden.denoising.signal_ratios import ratios
from cryoden.image.normalization import robust, typical
from cryoden.micrograph import Array
from cryoden.model.conditioning import unknown
from cryoden.simulation.assemblies import (
    RESIDUE_MASS,
    RESIDUE_POTENTIAL,
    AssemblyRecipe,
    Structure,
    random_recipe,
)
from cryoden.simulation.detector import Detector
from cryoden.simulation.exposure import seen
from cryoden.simulation.optics import Optics, damage
from cryoden.simulation.scene import Contrast, Scene

EDGE = 1024  # px
USUAL = 0.35  # share of scenes as usual micrographs are
GRAIN = 0.6  # of the grain of ice and carbon that is shown as truth
SCRAMBLED = 1 / 12  # share of scenes whose particles are noise of their own spectrum
SMALLEST, MISJUDGED = 384, 0.008  # px; of the noise's power, as its floor is found
CLIP = 24.0  # standard deviations
STEP = 3.8  # Å from residue to residue of an unfolded chain
# Shares of the unusual scenes.
OBJECT, MOVED, WEIGHTED, ROUGH, STRIPED, OVERLAID = 0.06, 0.1, 0.12, 0.15, 0.08, 0.1


@dataclass(frozen=True, eq=False)
class Shot:
    """An exposure before its noise: relative intensity, relative target, and how it is counted."""

    intensity: Tensor
    target: Tensor
    scene: Scene
    pixel: float  # the detector's, Å
    tint: float  # logarithm of the noise's transfer at Nyquist
    cutoff: float  # cycles per working px beyond which a coarser detector pixel recorded nothing
    weighted: float = 0.0  # e⁻/Å² over which frames were weighted by damage, and their noise not normalized
    rough: float = 0.0  # of Poisson's power, what rounding and pixels of a faulty gain add
    stripes: float = 0.0  # of the noise's deviation, faulty columns
    mean: float = 0.0
    spread: float = 1.0
    known: Array = field(default_factory=unknown)  # of its spectrum

    @property
    def electrons(self) -> float:
        """Detected per working pixel."""
        return self.scene.dose * self.scene.pixel_size**2 * self.scene.detector.efficiency

    @property
    def excess(self) -> float:
        """Noise beyond Poisson's, as of a detector that integrates charge."""
        spread = self.scene.detector.spread if self.scene.detector.integrating else 0.0
        return math.sqrt(1 + spread**2 + self.rough)


def small_recipe(numbers: np.random.Generator) -> AssemblyRecipe:
    """Return the recipe of an assembly, in a quarter one of 40 to 150 kDa."""
    recipe = random_recipe(numbers)
    return replace(recipe, mass=between(numbers, 40, 150), wall=0.0) if numbers.random() < 0.25 else recipe


def chain(seed: int) -> Structure:
    """Return an unfolded chain of 50 to 600 residues, more or less stretched."""
    numbers = np.random.default_rng((seed, 78))
    residues = int(between(numbers, 50, 600))
    steps = numbers.normal(size=(residues, 3)) + numbers.uniform(0, 2) * numbers.normal(size=3)
    for _ in range(int(numbers.integers(3))):
        steps[1:] += steps[:-1]
    positions = np.cumsum(STEP * steps / np.linalg.norm(steps, axis=1)[:, None], axis=0)
    positions = (positions - positions.mean(axis=0)) * numbers.uniform(0.5, 1)
    weights = np.full(residues, RESIDUE_POTENTIAL, np.float32)
    return Structure(positions.astype(np.float32), weights, f"chain-{seed}", residues * RESIDUE_MASS)


def shot(
    numbers: np.random.Generator,
    structures: Sequence[Structure],
    chains: Sequence[Structure],
    device: torch.device,
) -> Shot:
    """Return one exposure of the training distribution."""
    wide = bool(numbers.random() >= USUAL)
    scene, chosen, pixel = drawn(numbers, structures, chains, wide)
    contrast = seen(scene, chosen, device)
    objects = contrast.objects + (
        beyond(numbers, contrast, scene) if wide else haze(numbers, contrast, scene)
    )
    # How grainy ice is differs from what the simulator believes, and from grid to grid.
    contrast = replace(contrast, texture=contrast.texture * between(numbers, 0.3, 2.0), objects=objects)
    contrast = populated(numbers, contrast, scene) if wide else contrast
    contrast, weighted = weighing(numbers, contrast) if wide else (contrast, 0.0)
    clear = replace(contrast, texture=GRAIN * contrast.texture)
    if numbers.random() < SCRAMBLED:  # of which the best answer is a Wiener filter's, and not nothing
        contrast = replace(contrast, particles=scrambled(contrast.particles))
        clear = replace(clear, particles=contrast.particles)
    cutoff = 0.5 * WORKING / pixel if pixel > WORKING else 10.0
    intensity, target = (recorded(part, scene, cutoff) for part in (contrast, clear))
    found = Shot(intensity, target, scene, pixel, _tint(numbers, scene, wide), cutoff, weighted)
    return measured(faulty(found, numbers) if wide else found, numbers)


def populated(numbers: np.random.Generator, contrast: Contrast, scene: Scene) -> Contrast:
    """Return the contrast with what else may be seen, each in a few of the scenes, and moved in some."""
    if numbers.random() < OBJECT:
        contrast = membranes(between(numbers, 300, 3000))(contrast, scene)
    if numbers.random() < OBJECT:
        contrast = vesicles(between(numbers, 0.3, 8))(contrast, scene)
    if numbers.random() < OBJECT:
        contrast = filaments(between(numbers, 0.5, 6))(contrast, scene)
    if numbers.random() < OBJECT:
        contrast = lattice(between(numbers, 2.1 * WORKING, 60), between(numbers, 0.001, 0.1))(contrast, scene)
    return drift(between(numbers, 3, 50))(contrast, scene) if numbers.random() < MOVED else contrast


def weighing(numbers: np.random.Generator, contrast: Contrast) -> tuple[Contrast, float]:
    """Return a sum of frames weighted by damage (Grant & Grigorieff 2015), and how its noise is weighted.

    Particles lose by a mean of q² over the exposure in place of q, all else by the mean of q, the noise by
    the root of the mean of q²; in half of the sums all is divided by that.
    """
    if numbers.random() > WEIGHTED:
        return contrast, 0.0
    total = between(numbers, 15, 90)
    once, square = damage(contrast.grid, total), damage(contrast.grid, 2 * total)
    normalized = bool(numbers.random() < 0.5)
    unit = square.sqrt() if normalized else torch.ones_like(square)
    # The scene's particles have already lost what its own dose takes.
    left = square / once / unit
    return filtered(contrast, left, once / unit), 0.0 if normalized else total


def faulty(one: Shot, numbers: np.random.Generator) -> Shot:
    """Return the shot as rounded to few levels, or as a detector shows it whose gain is wrong."""
    rough = between(numbers, 0.05, 3) if numbers.random() < ROUGH else 0.0
    stripes = between(numbers, 0.1, 2) if numbers.random() < STRIPED else 0.0
    return replace(one, rough=rough, stripes=stripes)


def _tint(numbers: np.random.Generator, scene: Scene, wide: bool) -> float:
    if scene.detector.integrating:
        return math.log(scene.detector.transfer)
    return float(numbers.uniform(-0.2, 0.05)) if wide and numbers.random() < 0.25 else 0.0


def drawn(
    numbers: np.random.Generator, structures: Sequence[Structure], chains: Sequence[Structure], wide: bool
) -> tuple[Scene, list[Structure], float]:
    """Return one scene, the structures in it, and the detector's pixel in Å."""
    pixel, integrating = numbers.uniform(0.5, 2.5), numbers.random() < 0.3
    if wide and numbers.random() < 0.12:
        pixel = numbers.uniform(2.5, 5.0)
    contrast_left = numbers.uniform(0.1, 0.4) if integrating else numbers.uniform(0.4, 0.8)
    detector = Detector(
        efficiency=numbers.uniform(0.6, 0.95),
        transfer=contrast_left ** ((pixel / WORKING) ** 2),
        integrating=bool(integrating),
        spread=numbers.uniform(0.3, 0.8),
    )
    chosen = [structures[i] for i in numbers.integers(len(structures), size=numbers.choice([1, 1, 1, 2, 3]))]
    if wide and numbers.random() < 0.25:
        kinds = [chains[i] for i in numbers.integers(len(chains), size=numbers.choice([1, 2]))]
        chosen += kinds * int(numbers.choice([1, 1, 3, 10]))
    count, packed = crowd(numbers, chosen, wide)
    scene = Scene(
        edge=EDGE,
        pixel_size=WORKING,
        particles=count,
        packed=packed,
        optics=optics(numbers, wide),
        dose=dose(numbers, wide),
        detector=detector,
        ice=numbers.uniform(150, 1000 if wide else 700),
        slope=float(numbers.choice([0, 0.05, 0.15, 0.4])),
        carbon=numbers.uniform(0.1, 0.5) * (numbers.random() < 0.12),
        gold=int(numbers.integers(1, 12) * (numbers.random() < (0.015 if wide else 0.08))),
        contamination=int(numbers.integers(1, 6) * (numbers.random() < (0.1 if wide else 0.2))),
        seed=int(numbers.integers(2**31)),
    )
    return scene, chosen, float(pixel)


def optics(numbers: np.random.Generator, wide: bool) -> Optics:
    """Return a microscope and its setting."""
    return Optics(
        voltage=float(numbers.choice([300, 300, 200])),
        amplitude=numbers.uniform(0.06, 0.11),
        defocus=between(numbers, 0.4, 5.0) if wide else between(numbers, 0.5, 3.5),
        astigmatism=numbers.uniform(0, 400),
        axis=numbers.uniform(0, np.pi),
        b_factor=between(numbers, 40, 500),
    )


def dose(numbers: np.random.Generator, wide: bool) -> float:
    """Return e⁻/Å²: whole exposures, halves, and single frames."""
    if wide:
        return between(numbers, *((8, 80), (1.5, 8), (0.15, 1.5))[numbers.choice(3, p=(0.45, 0.3, 0.25))])
    return between(numbers, 8, 80) if numbers.random() < 0.85 else between(numbers, 1.5, 8)


def crowd(numbers: np.random.Generator, chosen: Sequence[Structure], wide: bool) -> tuple[int, bool]:
    """Return how many particles, 2 to 70 % of the area, four deep, or none, and whether closely packed."""
    covered = between(numbers, 0.02, 0.7) * (numbers.random() > 0.06)
    packed = bool(wide and numbers.random() < 0.2)
    most = 2000 if packed else 900
    if packed:
        covered = numbers.uniform(0.3, 1.0)
    elif wide and numbers.random() < OVERLAID:
        covered, most = between(numbers, 0.7, 4), 6000
    one = float(np.mean([math.pi * (0.8 * structure.radius) ** 2 for structure in chosen]))
    atoms = float(np.mean([len(structure.positions) for structure in chosen]))
    return int(min(most, covered * (EDGE * WORKING) ** 2 / one, 6e7 / atoms)), packed


def recorded(contrast: Contrast, scene: Scene, cutoff: float) -> Tensor:
    """Return the relative intensity as the camera blurs it, without the margin."""
    grid = contrast.grid
    rows, columns = (limited(axis * scene.pixel_size, cutoff) for axis in grid.axes)
    return contrast.cropped(grid.filtered(contrast.intensity, scene.detector.blur(grid) * rows * columns))


def measured(one: Shot, numbers: np.random.Generator) -> Shot:
    """Return the shot with the gray scale and the spectrum a denoiser would find."""
    electrons = one.intensity * one.electrons
    noise = torch.randn_like(electrons) * electrons.clamp_min(0).sqrt() * one.excess
    left = torch.fft.rfft2(noise) * transfer(one.tint, one.cutoff, one.weighted, EDGE, noise.device)
    noisy = electrons + torch.fft.irfft2(left, s=noise.shape)
    mean, _ = robust(noisy[::2, ::2])
    spread = float(typical(noisy[None]))
    found = replace(one, intensity=one.intensity.half(), target=one.target.half(), mean=mean, spread=spread)
    return replace(found, known=known(found, ((noisy - mean) / spread).clamp(-CLIP, CLIP), numbers))


def known(one: Shot, noisy: Tensor, numbers: np.random.Generator) -> Array:
    """Return what is seen of the spectrum, in half of the shots of a smaller micrograph."""
    if numbers.random() < 0.5:
        edge = int(numbers.integers(SMALLEST, EDGE + 1))
        top, left = numbers.integers(0, EDGE - edge + 1, 2).tolist()
        noisy = noisy[top : top + edge, left : left + edge]
    level = float(one.intensity.float().clamp_min(0).mean()) * one.electrons * (one.excess / one.spread) ** 2
    level *= math.exp(numbers.normal(0, MISJUDGED))
    believed = continued(one.weighted, one.pixel)

    def floor(frequencies: Array) -> Array:
        kept = limited(torch.from_numpy(frequencies), one.cutoff).numpy()
        return np.asarray(
            level * np.exp(8 * one.tint * frequencies**2 + believed(frequencies / WORKING)) * kept**2
        )

    return ratios(noisy, floor, WORKING)
