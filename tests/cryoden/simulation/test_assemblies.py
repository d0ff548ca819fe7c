from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from cryoden.simulation.assemblies import (
    RESIDUE_MASS,
    RESIDUE_POTENTIAL,
    RESIDUE_VOLUME,
    SYMMETRIES,
    AssemblyRecipe,
    Symmetry,
    assembly,
    group,
    random_recipe,
)


def order(symmetry: Symmetry) -> int:
    """Schoenflies: Cn has n rotations, Dn 2n, and the rotations of the solids 12, 24 and 60."""
    return {"T": 12, "O": 24, "I": 60}.get(symmetry) or int(symmetry[1:]) * (2 if symmetry[0] == "D" else 1)


@pytest.mark.parametrize("symmetry", SYMMETRIES)
def test_a_point_group_is_closed_and_has_its_order(symmetry: Symmetry) -> None:
    rotations = group(symmetry)
    assert len(rotations) == order(symmetry)
    np.testing.assert_allclose(rotations @ rotations.transpose(0, 2, 1) - np.eye(3), 0, atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(rotations), 1)
    for a, b in product(rotations, rotations):
        assert np.abs(rotations - a @ b).max(axis=(1, 2)).min() < 1e-6


@pytest.mark.parametrize("symmetry", ["C1", "C7", "D2", "T", "O", "I"])
def test_an_assembly_is_symmetric_and_has_the_mass_asked_for(symmetry: Symmetry) -> None:
    found = assembly(AssemblyRecipe(symmetry, 160, seed=3))
    assert abs(found.mass - 160) <= order(symmetry) * RESIDUE_MASS / 2
    assert len(found.positions) == round(found.mass / RESIDUE_MASS)
    assert found.weights.sum() == pytest.approx(len(found.positions) * RESIDUE_POTENTIAL)
    np.testing.assert_allclose(found.positions.mean(axis=0), 0, atol=1e-4)
    places = found.positions.astype(np.float64)
    for rotation in group(symmetry):
        turned = places @ rotation.T
        squares = (turned**2).sum(axis=1)[:, None] + (places**2).sum(axis=1) - 2 * turned @ places.T
        assert squares.min(axis=1).max() < 1e-3**2


def test_a_hollow_assembly_is_empty_inside_and_a_solid_one_as_dense_as_protein() -> None:
    hollow, solid = (
        np.linalg.norm(assembly(AssemblyRecipe("O", 2000, wall)).positions, axis=1) for wall in (30.0, 0)
    )
    inside = 40.0
    assert not (hollow < inside).any()
    packed = (solid < inside).sum() * RESIDUE_VOLUME / (4 / 3 * np.pi * inside**3)
    assert 0.7 < packed <= 1.05
    assert np.quantile(hollow, 0.95) - np.quantile(hollow, 0.05) < 40


def test_the_aspect_is_length_along_the_axis_over_width() -> None:
    spread = assembly(AssemblyRecipe("D7", 900, aspect=2.0)).positions.std(axis=0)
    assert spread[2] / spread[:2].mean() == pytest.approx(2, rel=0.2)


def test_a_seed_stands_for_one_assembly() -> None:
    one, same, other = (assembly(AssemblyRecipe("C2", 150, seed=seed)).positions for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_random_recipes_span_the_masses_and_can_be_built() -> None:
    numbers = np.random.default_rng(0)
    recipes = [random_recipe(numbers) for _ in range(300)]
    masses = np.array([recipe.mass for recipe in recipes])
    assert 100 <= masses.min() < 150
    assert 7_000 < masses.max() <= 10_000
    assert all(recipe.aspect == 1 for recipe in recipes if recipe.symmetry in {"T", "O", "I"})
    lightest = recipes[int(masses.argmin())]
    assert assembly(lightest).mass == pytest.approx(lightest.mass, rel=0.1)
