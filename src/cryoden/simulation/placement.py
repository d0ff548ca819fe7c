"""Where particles lie in the ice, and how they are turned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from cryoden.simulation.assemblies import Structure
from cryoden.simulation.scene import Scene
from cryoden.simulation.specimen import Particle

ROUNDS = 12  # of looking for a free place before particles may overlap
CLOSE = (0.8, 1.0)  # distance in a close packing over the sum of the radii, which few shapes fill
JITTER = 0.06  # of that distance
ISLANDS = (300.0, 3000.0)  # wavelengths of the landscape whose heights are packed first, Å


def placed(scene: Scene, structures: Sequence[Structure], numbers: np.random.Generator) -> list[Particle]:
    """Return the particles of a scene, at any height at which they are covered by the ice."""
    kinds = numbers.integers(len(structures), size=scene.particles)
    radii = np.array([structure.radius for structure in structures])[kinds] / scene.pixel_size
    found = []
    centers = _packed(scene, radii, numbers) if scene.packed else _centers(scene, radii, numbers)
    for kind, radius, center in zip(kinds, radii, centers, strict=False):  # of a lattice maybe fewer
        reach = max(0.0, scene.ice / 2 - radius * scene.pixel_size)
        height = float(numbers.uniform(-reach, reach))
        found.append(Particle(int(kind), center, height, rotation(numbers)))
    return found


def _centers(
    scene: Scene, radii: NDArray[np.floating], numbers: np.random.Generator
) -> list[tuple[float, float]]:
    """Return centers in px that keep their distance where there is room.

    In each round all particles without a place try one; it is taken when it is far enough from
    every place taken so far and from those tried by particles before it.
    """
    found = numbers.uniform(0, scene.edge, (len(radii), 2))
    free = np.ones(len(radii), bool)
    for _ in range(ROUNDS):
        tried = np.flatnonzero(free)
        found[tried] = numbers.uniform(0, scene.edge, (len(tried), 2))
        pairs = cKDTree(found).query_pairs(1.6 * radii.max(initial=0), output_type="ndarray")
        apart = np.linalg.norm(found[pairs[:, 0]] - found[pairs[:, 1]], axis=1)
        first, second = pairs[apart < 0.8 * radii[pairs].sum(axis=1)].T
        taken = free.copy()
        free[:] = False
        free[second[taken[second]]] = True
        free[first[taken[first] & ~taken[second]]] = True
    return [(float(row), float(column)) for row, column in found]


def _packed(
    scene: Scene, radii: NDArray[np.floating], numbers: np.random.Generator
) -> list[tuple[float, float]]:
    """Return centers in px on a jittered hexagonal lattice, fewer where there is no room for more.

    Islands: places where a random landscape is high are taken first.
    """
    distance = 2 * float(radii.mean() if len(radii) else 1.0) * numbers.uniform(*CLOSE)
    side = int(1.5 * scene.edge / distance) + 2
    row, column = np.mgrid[-side : side + 1, -side : side + 1].reshape(2, -1)
    sites = distance * np.stack([row * 3**0.5 / 2, column + (row % 2) / 2], axis=1)
    angle = numbers.uniform(0, np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    sites = sites @ turn + scene.edge / 2 + numbers.normal(0, JITTER * distance, sites.shape)
    sites = sites[((sites >= 0) & (sites < scene.edge)).all(axis=1)]
    waves = numbers.normal(size=(2, 5)) * 2 * np.pi * scene.pixel_size / numbers.uniform(*ISLANDS, 5)
    height = np.cos(sites @ waves + numbers.uniform(0, 2 * np.pi, 5)).sum(axis=1)
    height += numbers.uniform(0, 1, len(sites))
    return [(float(a), float(b)) for a, b in sites[np.argsort(-height)[: len(radii)]]]


def rotation(numbers: np.random.Generator) -> NDArray[np.float32]:
    """Return a uniformly random rotation ``(3, 3)``: a random unit quaternion (Shoemake 1992)."""
    turned = Rotation.from_quat(numbers.normal(size=4), scalar_first=True)
    return np.asarray(turned.as_matrix(), np.float32)
