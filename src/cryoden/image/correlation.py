"""Pearson's correlation of images, and what it is made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cryoden.micrograph import Array, Pixels

BAND = 128  # rows that are summed at a time, in double precision


def covariances(images: Sequence[Pixels | Array]) -> Array:
    """Return the ``(m, m)`` covariances of images of one shape, in double precision without whole copies."""
    means = [image.mean(dtype=np.float64) for image in images]
    total = np.zeros((len(images), len(images)))
    for start in range(0, len(images[0]), BAND):
        bands = [
            image[start : start + BAND].ravel() - mean for image, mean in zip(images, means, strict=True)
        ]
        total += np.array([[np.dot(a, b) for b in bands] for a in bands])
    return total / images[0].size


def normalized(shared: Array, one: Array, other: Array) -> Array:
    """Return what two images share over the geometric mean of what each has; 0 where one has nothing."""
    scale = np.sqrt(one * other)
    return np.divide(shared, scale, out=np.zeros_like(scale), where=scale > 0)


def pearson(a: Pixels | Array, b: Pixels | Array) -> float:
    """Return Pearson's r of two images of one shape; 0 where one is constant or has no pixels."""
    if not a.size:
        return 0.0
    of = covariances([a, b])
    return float(normalized(of[0, 1], of[0, 0], of[1, 1]))
