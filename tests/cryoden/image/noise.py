"""Micrographs of nothing but noise."""

from __future__ import annotations

import numpy as np

from cryoden.micrograph import Pixels


def noise(shape: tuple[int, int] = (256, 256), seed: int = 0) -> Pixels:
    return (50 + 4 * np.random.default_rng(seed).normal(size=shape)).astype(np.float32)
