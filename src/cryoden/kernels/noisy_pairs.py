"""Pairs of patches made on an NVIDIA GPU: cut from micrographs in its memory, scaled, and given noise.

The kernel of ``noisy_pairs.cu`` is compiled at run time (`cryoden.kernels.nvrtc`). Its noise is that of
`cryoden.compute.noise`, bit for bit, and so a pair is the same wherever it is made.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cryoden.compute.noise_tables import UNITS, normal_polynomials, poisson_tables
from cryoden.kernels import nvrtc

SOURCE = "kernels/noisy_pairs.cu"
# As ``Patch`` of noisy_pairs.cu: where it begins in memory, from row to row in px, its scale, and its number.
PATCH = np.dtype(
    [("pixels", "<i8"), ("pitch", "<i8"), ("offset", "<f4"), ("divisor", "<f4"), ("index", "<u8")]
)
THREADS = 256
Patches = NDArray[np.void]


@dataclass(frozen=True)
class Recipe:
    """Edge of a patch in px, what noise it gets, and what is clipped to 0 to 1; see `PatchSettings`."""

    edge: int
    seed: int
    poisson: float
    gaussian: float
    positive: bool
    clip: bool


class _Tables(ctypes.Structure):
    _fields_ = (("rows", ctypes.c_void_p), ("slots", ctypes.c_void_p), ("normal", ctypes.c_void_p))


class _Noise(ctypes.Structure):
    _fields_ = (
        ("seed", ctypes.c_uint64),
        ("epoch", ctypes.c_uint64),
        ("poisson", ctypes.c_float),
        ("gaussian", ctypes.c_float),
        ("positive", ctypes.c_int),
        ("clip", ctypes.c_int),
    )


def available(device: torch.device) -> str:
    """Return why pairs cannot be made on this device, in words; empty where they can."""
    if device.type != "cuda" or not torch.cuda.is_available() or torch.version.cuda is None:
        return "no NVIDIA GPU"
    with torch.cuda.device(device):
        return nvrtc.problem(torch.cuda.current_device(), _loaded)


class NoisyPairs:
    """Makes pairs on one GPU, a launch for any number of them.

    Parameters
    ----------
    recipe : Recipe
        How.
    device : torch.device
        A CUDA device for which ``available`` is empty.
    """

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        self.recipe, self.device = recipe, device
        self._arrays = [torch.from_numpy(array).to(device) for array in packed(recipe.poisson)]
        self._tables = _Tables(*(array.data_ptr() for array in self._arrays))
        with torch.cuda.device(device):
            self._kernel = _loaded(torch.cuda.current_device())["make_pairs"]

    def uploaded(self, patches: Patches) -> Tensor:
        """Return ``(n,)`` patches as ``make`` takes them, ``(n, 4)`` on the GPU."""
        return torch.from_numpy(patches.view(np.int64).reshape(-1, 4)).to(self.device)

    def make(self, patches: Tensor, epoch: int, noisy: Tensor, target: Tensor) -> None:
        """Fill ``(b, 1, p, p)`` float32 buffers on the GPU; nothing waits for it.

        Parameters
        ----------
        patches : Tensor
            ``(b, 4)``, of ``uploaded``; what they point to must stay until the kernel has run.
        epoch : int
            Part of what the noise follows from.
        noisy, target : Tensor
            Where they go.
        """
        of = self.recipe
        noise = _Noise(of.seed, epoch, of.poisson, of.gaussian, of.positive, of.clip)
        grid = -(-(of.edge**2) // (2 * THREADS)), len(patches)
        arguments = patches, of.edge, self._tables, noise, noisy, target
        nvrtc.launch(self._kernel, grid, (THREADS, 0), self.device, arguments)


def packed(poisson: float) -> tuple[NDArray[np.int32], ...]:
    """Return the tables as the kernel reads them: rows, slots, polynomials."""
    tables = poisson_tables(int(poisson) // UNITS * UNITS)
    rows = np.stack([tables.begin, tables.shift, tables.first, np.zeros_like(tables.first)], axis=1)
    slots = np.stack([tables.least, tables.other], axis=1)
    return tuple(np.ascontiguousarray(one).view(np.int32) for one in (rows, slots, normal_polynomials()))


def _loaded(index: int) -> nvrtc.Kernels:
    return nvrtc.kernels(index, SOURCE, ("make_pairs",))
