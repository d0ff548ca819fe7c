"""Macromolecules as clouds of pseudo-atoms, built from nothing but a symmetry and a mass.

A pseudo-atom stands for one amino-acid residue. Where the residues lie follows a smooth random
landscape with the assembly's symmetry: domains and clefts of some tens of Å, and a finer grain
of about 10 Å like that of packed helices. No structure of a data bank is in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

Symmetry = Literal["C1", "C2", "C3", "C4", "C5", "C7", "D2", "D3", "D4", "D5", "D7", "T", "O", "I"]
SYMMETRIES: tuple[Symmetry, ...] = get_args(Symmetry)
Points = NDArray[np.float32]

RESIDUE_MASS = 0.110  # kDa, mean of globular proteins
RESIDUE_VOLUME = 135.0  # Å³: 1.23 Å³/Da, the density of 1.35 g/cm³ in common use (see Fischer et al. 2004)
RESIDUE_POTENTIAL = 1074.0  # V Å³: 47.878 V Å² times the summed f_e(0) of C4.9 N1.35 O1.5 H7.9
DOMAINS, HELICES = (25.0, 90.0), (9.0, 14.0)  # wavelengths of the landscape, Å
WAVES = 48


@dataclass(frozen=True, eq=False)
class Structure:
    """Atoms or pseudo-atoms around their center of mass.

    Parameters
    ----------
    positions : ndarray
        ``(n, 3)`` float32, Å.
    weights : ndarray
        ``(n,)`` float32: scattering potential integrated over the atom, V Å³.
    name : str
        What it is.
    mass : float
        kDa.
    """

    positions: Points
    weights: Points
    name: str
    mass: float

    @property
    def radius(self) -> float:
        """Distance of the outermost atom from the center, Å."""
        return float(np.sqrt(np.square(self.positions).sum(axis=1).max()))


@dataclass(frozen=True)
class AssemblyRecipe:
    """What a procedural assembly should be.

    Parameters
    ----------
    symmetry : str
        Point group.
    mass : float
        kDa of the whole assembly.
    wall : float
        Thickness of a hollow assembly's wall in Å; 0 = solid.
    aspect : float
        Length along the symmetry axis over width; 1 for T, O and I, which have no one axis.
    seed : int
        The same seed gives the same assembly.
    """

    symmetry: Symmetry = "C1"
    mass: float = 500.0
    wall: float = 0.0
    aspect: float = 1.0
    seed: int = 0

    @property
    def name(self) -> str:
        """The recipe in a few letters."""
        return f"{self.symmetry}-{self.mass:.0f}kDa-{self.seed}"


def assembly(recipe: AssemblyRecipe) -> Structure:
    """Return the assembly of a recipe: exactly symmetric, one weight for all residues."""
    numbers = np.random.default_rng((recipe.seed, 77))
    rotations = group(recipe.symmetry)
    unit = max(1, round(recipe.mass / RESIDUE_MASS / len(rotations)))
    chosen = _unit(recipe, unit, rotations, numbers)
    positions = np.einsum("gij,nj->gni", rotations, chosen).reshape(-1, 3).astype(np.float32)
    positions -= positions.mean(axis=0)
    weights = np.full(len(positions), RESIDUE_POTENTIAL, np.float32)
    return Structure(positions, weights, recipe.name, len(positions) * RESIDUE_MASS)


def random_recipe(numbers: np.random.Generator) -> AssemblyRecipe:
    """Return a recipe between 100 kDa and 10 MDa; large ones are more often symmetric and hollow."""
    mass = float(np.exp(numbers.uniform(np.log(100), np.log(10_000))))
    many = ("T", "O", "I", "D7", "D5", "D4")
    few = ("C1", "C2", "C3", "C4", "C5", "C7", "D2", "D3", "D4", "D7")
    choices: tuple[Symmetry, ...] = many if numbers.random() < mass / 6000 else few  # type: ignore[assignment]  # a choice keeps its type
    symmetry = "C1" if numbers.random() < 0.25 else choices[int(numbers.integers(len(choices)))]
    hollow = symmetry != "C1" and numbers.random() < 0.5
    wall = float(numbers.uniform(30, 60)) if hollow else 0.0
    aspect = 1.0 if symmetry in {"T", "O", "I"} else float(np.exp(numbers.uniform(-0.7, 0.7)))
    return AssemblyRecipe(symmetry, mass, wall, aspect, int(numbers.integers(2**31)))


def group(symmetry: Symmetry) -> NDArray[np.float64]:
    """Return the ``(n, 3, 3)`` rotations of a point group, the symmetry axis along z, the identity first."""
    found = Rotation.create_group(symmetry, axis="Z")
    return np.asarray(found[np.argsort(found.magnitude(), kind="stable")].as_matrix())


def _unit(
    recipe: AssemblyRecipe, size: int, rotations: NDArray[np.float64], numbers: np.random.Generator
) -> NDArray[np.float64]:
    """Return the residues of one asymmetric unit: the best places of the landscape in it."""
    inner, outer = _extent(recipe, size * len(rotations))
    places = _places(1.25 * outer + 15, recipe.aspect, rotations, numbers)
    stretch = np.array([1, 1, 1 / recipe.aspect]) * recipe.aspect ** (1 / 3)
    radii = np.linalg.norm(places * stretch, axis=1)
    middle, half = (inner + outer) / 2, (outer - inner) / 2
    distance = (
        np.maximum(0, radii - outer * 0.8) / (0.2 * outer) if not inner else np.abs(radii - middle) / half
    )
    score = _landscape(places, rotations, numbers) - 1.5 * distance**2
    return places[np.argsort(-score)[:size]]


def _extent(recipe: AssemblyRecipe, residues: int) -> tuple[float, float]:
    """Return inner and outer radius in Å that hold the residues with a tenth to spare."""
    volume = 1.1 * residues * RESIDUE_VOLUME
    solid = float((volume * 3 / (4 * np.pi)) ** (1 / 3))
    if not recipe.wall or recipe.wall >= solid:
        return 0.0, solid
    # A wall of thickness w at middle radius R: 4πw(R² + w²/12).
    middle = float(np.sqrt(max(volume / (4 * np.pi * recipe.wall) - recipe.wall**2 / 12, 0)))
    return max(0.0, middle - recipe.wall / 2), middle + recipe.wall / 2


def _places(
    reach: float, aspect: float, rotations: NDArray[np.float64], numbers: np.random.Generator
) -> NDArray[np.float64]:
    """Return jittered lattice points, one residue's volume each, of the asymmetric unit."""
    spacing = RESIDUE_VOLUME ** (1 / 3)
    wide, high = reach * aspect ** (-1 / 3), reach * aspect ** (2 / 3)
    axes = [np.arange(-side, side, spacing) for side in (wide, wide, high)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    points = points + numbers.uniform(-0.1, 0.1, points.shape) * spacing
    # Dirichlet domain: the points closer to one generic direction than to any of its copies.
    copies = rotations @ numbers.normal(size=3)
    return np.asarray(points[(points @ copies.T).argmax(axis=1) == 0])


def _landscape(
    places: NDArray[np.float64], rotations: NDArray[np.float64], numbers: np.random.Generator
) -> NDArray[np.float64]:
    """Return a symmetric sum of random plane waves, unit variance for the coarse part."""
    total = np.zeros(len(places))
    for (low, high), amplitude in ((DOMAINS, 1.0), (HELICES, 0.1)):
        waves = numbers.normal(size=(WAVES, 3))
        waves *= (2 * np.pi / numbers.uniform(low, high, WAVES) / np.linalg.norm(waves, axis=1))[:, None]
        shifts = numbers.uniform(0, 2 * np.pi, WAVES)
        wavy = sum(np.cos(places @ (waves @ r).T + shifts).sum(axis=1) for r in rotations)
        total += amplitude * wavy / max(float(np.std(wavy)), 1e-9)
    return total
