"""Pairs made on a GPU are those of the processor: on a GPU, and their source on an emulated one."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest
import torch

from cryoden.compute.noise import with_noise
from cryoden.kernels.noisy_pairs import PATCH, NoisyPairs, Recipe, available
from cryoden.micrograph import Pixels
from tests.cryoden.kernels.emulated_pairs import EmulatedPairs, compiled

GPU = torch.device("cuda")
needs_gpu = pytest.mark.skipif(bool(available(GPU)), reason=f"needs an NVIDIA GPU: {available(GPU)}")
RECIPES = [
    Recipe(48, 0, 100.0, 0.05, positive=True, clip=True),
    Recipe(33, 7, 900.0, 0.0, positive=True, clip=False),
    Recipe(32, 2**31 - 1, 0.0, 0.3, positive=False, clip=False),
]
EPOCH = 2**31 + 1
CORNERS = [(0, 0, 5), (17, 3, 2**33), (40, 52, 0)]  # top, left, index


def micrograph() -> Pixels:
    return np.random.default_rng(1).normal(30, 12, (90, 101)).astype(np.float32)


def expected(pixels: Pixels, recipe: Recipe, scale: tuple[float, float]) -> tuple[Pixels, Pixels]:
    """The same pairs by numpy."""
    offset, divisor = map(np.float32, scale)
    targets, noisy = [], []
    for top, left, index in CORNERS:
        target = (pixels[top : top + recipe.edge, left : left + recipe.edge] - offset) / divisor
        target = np.clip(target, 0, 1) if recipe.positive else target
        drawn = with_noise(target, (recipe.seed, EPOCH, index), recipe.poisson, recipe.gaussian)
        targets.append(target)
        noisy.append(np.clip(drawn, 0, 1) if recipe.clip else drawn)
    return np.stack(noisy)[:, None], np.stack(targets)[:, None]


def patches(address: int, pitch: int, scale: tuple[float, float]) -> Any:
    return np.array(
        [(address + 4 * (top * pitch + left), pitch, *scale, index) for top, left, index in CORNERS], PATCH
    )


SCALES = {recipe: (0.0, 45.0) if recipe.positive else (29.5, 11.7) for recipe in RECIPES}


@pytest.fixture(scope="module")
def emulated() -> ctypes.CDLL:
    return compiled()


@pytest.mark.parametrize("recipe", RECIPES)
def test_its_source_makes_the_bits_that_the_processor_makes(emulated: ctypes.CDLL, recipe: Recipe) -> None:
    pixels, scale, maker = micrograph(), SCALES[recipe], EmulatedPairs(emulated, recipe)
    noisy, target = torch.full((2, 3, 1, recipe.edge, recipe.edge), float("nan"))
    rows = maker.uploaded(patches(pixels.ctypes.data, pixels.shape[1], scale))
    maker.make(rows, EPOCH, noisy, target)
    for found, wanted in zip((noisy, target), expected(pixels, recipe, scale), strict=True):
        np.testing.assert_array_equal(found.numpy(), wanted)


@needs_gpu
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_gpu_makes_the_bits_that_the_processor_makes(recipe: Recipe) -> None:
    pixels, scale = micrograph(), SCALES[recipe]
    there = torch.from_numpy(pixels).to(GPU)
    maker = NoisyPairs(recipe, GPU)
    noisy, target = torch.full((2, 3, 1, recipe.edge, recipe.edge), float("nan"), device=GPU)
    maker.make(maker.uploaded(patches(there.data_ptr(), pixels.shape[1], scale)), EPOCH, noisy, target)
    for found, wanted in zip((noisy, target), expected(pixels, recipe, scale), strict=True):
        np.testing.assert_array_equal(found.cpu().numpy(), wanted)
