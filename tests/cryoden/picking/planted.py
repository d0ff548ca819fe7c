"""Micrographs with dark discs at known places, and what picks them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cryoden.io import mrc
from cryoden.micrograph import Array, Micrograph, Pixels

PIXEL = 2.0
DIAMETER = 60.0  # Å
PLACES = np.array(
    [
        [70.3, 61.0],
        [75.0, 200.6],
        [200.0, 130.0],
        [310.2, 75.9],
        [330.0, 300.0],
        [190.0, 290.5],
        [95.0, 340.0],
    ]
)


def discs(
    places: Array = PLACES, noise: float = 0.5, shape: tuple[int, int] = (400, 420), seed: int = 0
) -> Pixels:
    """Return dark discs, of contrast 1, in white noise."""
    row, column = np.indices(shape)
    image = np.random.default_rng(seed).normal(0, noise, shape)
    for y, x in places:
        image -= np.hypot(row - y, column - x) <= DIAMETER / PIXEL / 2
    return image.astype(np.float32)


def micrograph(places: Array = PLACES, noise: float = 0.5, seed: int = 0) -> Micrograph:
    """Return a micrograph of discs."""
    return Micrograph(discs(places, noise, seed=seed), PIXEL, "discs")


def written(path: Path, pixels: Pixels, size: float = PIXEL) -> Path:
    """Write a micrograph to a file."""
    mrc.write(path, pixels, pixel_size=size, label="made for a test")
    return path


def distances(found: Array, known: Array) -> Array:
    """Return for each known place how far the nearest of the found ones is, px."""
    return np.array([np.hypot(*(found - one).T).min() for one in known])
