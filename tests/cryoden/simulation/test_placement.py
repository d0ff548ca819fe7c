from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np

from cryoden.simulation.assemblies import AssemblyRecipe, assembly
from cryoden.simulation.placement import placed, rotation
from cryoden.simulation.scene import Scene

STRUCTURES = [assembly(AssemblyRecipe("C2", 150)), assembly(AssemblyRecipe("D2", 400))]


def test_particles_keep_their_distance_and_stay_in_the_ice() -> None:
    scene = Scene(edge=1024, pixel_size=2.0, particles=60, ice=300.0, seed=2)
    found = placed(scene, STRUCTURES, np.random.default_rng(0))
    radii = np.array([STRUCTURES[one.structure].radius for one in found])
    centers = 2.0 * np.array([one.center for one in found])
    apart = np.linalg.norm(centers[:, None] - centers[None], axis=2) + 1e9 * np.eye(60)
    assert (apart / (radii[:, None] + radii[None])).min() >= 0.8
    assert (np.abs([one.height for one in found]) + radii <= 150).all()
    assert {one.structure for one in found} == {0, 1}
    assert centers.min() >= 0
    assert centers.max() < 2048


def test_where_there_is_no_room_all_particles_are_placed_all_the_same() -> None:
    assert len(placed(Scene(edge=64, particles=50), STRUCTURES, np.random.default_rng(0))) == 50


def test_a_crowd_takes_no_memory_for_pairs_of_particles() -> None:
    tracemalloc.start()
    try:
        placed(Scene(edge=64, particles=3000), STRUCTURES, np.random.default_rng(0))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20e6  # of 4.5 million pairs each index alone would take 36 MB


def test_closely_packed_particles_lie_side_by_side_and_are_no_more_than_fit() -> None:
    scene = Scene(edge=1024, pixel_size=2.0, particles=5000, packed=True, seed=2)
    found = placed(scene, STRUCTURES, np.random.default_rng(0))
    centers = np.array([one.center for one in found])
    apart = np.linalg.norm(centers[:, None] - centers[None], axis=2) + 1e9 * np.eye(len(found))
    nearest = 2.0 * apart.min(axis=1) / np.mean([2 * one.radius for one in STRUCTURES])
    assert 0.5 < np.median(nearest) < 1.1
    assert 100 < len(found) < 5000
    assert centers.min() >= 0
    assert centers.max() < 1024


def test_a_few_packed_particles_lie_together() -> None:
    scene = Scene(edge=2048, pixel_size=2.0, particles=60, packed=True, seed=2)
    for packed in (True, False):
        found = placed(replace(scene, packed=packed), STRUCTURES, np.random.default_rng(0))
        centers = np.array([one.center for one in found])
        apart = np.linalg.norm(centers[:, None] - centers[None], axis=2) + 1e9 * np.eye(60)
        near = (np.sort(apart, axis=1)[:, 2] < 2.5 * STRUCTURES[1].radius / 2.0).mean()
        assert (near > 0.5) == packed


def test_rotations_are_rotations_and_prefer_no_direction() -> None:
    numbers = np.random.default_rng(0)
    found = np.stack([rotation(numbers) for _ in range(4000)])
    np.testing.assert_allclose(found @ found.transpose(0, 2, 1) - np.eye(3), 0, atol=1e-5)
    np.testing.assert_allclose(np.linalg.det(found), 1, atol=1e-5)
    # components of a direction spread evenly over a sphere: mean 0, mean square 1/3
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=5 * (1 / 3 / 4000) ** 0.5)
    np.testing.assert_allclose((found**2).mean(axis=0), 1 / 3, atol=0.03)
