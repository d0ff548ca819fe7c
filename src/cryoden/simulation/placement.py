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
APART = 0.8  # distance over the sum of the radii
CLOSE = (0.8, 1.0)  # distance in a close packing over the sum of the radii, which few shapes fill
JITTER = 0.06  # of that distance
ISLANDS = (300.0, 3000.0)  # wavelengths of the landscape whose heights are packed first, Å


Places = NDArray[np.float64]  # ``(n, 2)``, px


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
        places, sizes = found[tried], radii[tried]
        free[tried] = _close_to(found[~free], radii[~free], places, sizes) | _close_to_earlier(places, sizes)
    return [(float(row), float(column)) for row, column in found]


def _close_to_earlier(places: Places, radii: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Tell for each place whether one before it is too close, by halves: crowds would fill all memory."""
    if len(places) < 2:
        return np.zeros(len(places), bool)
    half = len(places) // 2
    later = _close_to_earlier(places[half:], radii[half:])
    later |= _close_to(places[:half], radii[:half], places[half:], radii[half:])
    return np.concatenate([_close_to_earlier(places[:half], radii[:half]), later])


def _close_to(
    others: Places, their_radii: NDArray[np.floating], places: Places, radii: NDArray[np.floating]
) -> NDArray[np.bool_]:
    """Tell for each place whether one of the others is too close; there are few different radii."""
    close = np.zeros(len(places), bool)
    for radius in np.unique(their_radii):
        nearest, _ = cKDTree(others[their_radii == radius]).query(places)
        close |= nearest < APART * (radius + radii)
    return close


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
