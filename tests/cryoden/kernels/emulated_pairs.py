"""The kernel of ``noisy_pairs.cu``, its own source, run on the processor."""

from __future__ import annotations

import ctypes

import numpy as np
import torch
from torch import Tensor

from cryoden.kernels import noisy_pairs
from cryoden.kernels.noisy_pairs import SOURCE, Patches, Recipe, packed
from tests.cryoden.kernels import emulated


def compiled() -> ctypes.CDLL:
    return emulated.compiled(SOURCE, emulated.HERE / "emulate_pairs.cpp", emulated.EXACT)


class EmulatedPairs:
    """As `NoisyPairs`, on the processor."""

    def __init__(self, library: ctypes.CDLL, recipe: Recipe) -> None:
        self.library, self.recipe, self.device = library, recipe, torch.device("cpu")
        self.arrays = packed(recipe.poisson)
        self.tables = noisy_pairs._Tables(*(one.ctypes.data for one in self.arrays))

    def uploaded(self, patches: Patches) -> Tensor:
        return torch.from_numpy(patches.view(np.int64).reshape(-1, 4).copy())

    def make(self, patches: Tensor, epoch: int, noisy: Tensor, target: Tensor) -> None:
        of = self.recipe
        noise = noisy_pairs._Noise(of.seed, epoch, of.poisson, of.gaussian, of.positive, of.clip)
        self.library.run_pairs(
            ctypes.c_void_p(patches.data_ptr()), len(patches), of.edge, ctypes.byref(self.tables),
            ctypes.byref(noise), ctypes.c_void_p(noisy.data_ptr()), ctypes.c_void_p(target.data_ptr()),
        )  # fmt: skip
