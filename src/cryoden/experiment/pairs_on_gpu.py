"""Pairs with added noise, made where they are used: on an NVIDIA GPU.

Micrographs lie in its memory where they all fit. Where they do not, threads cut the patches and send
them, and the noise alone is drawn there. Either way a pair is that of `cryoden.experiment.pairs`, bit for
bit.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import tee
from typing import TypeGuard

import numpy as np
import torch
from torch import Tensor

from cryoden.compute import devices
from cryoden.experiment.pairs import PatchPairs
from cryoden.experiment.training_pairs import PatchSet, TrainingPairs
from cryoden.io.mrc_windows import finite_window
from cryoden.kernels import noisy_pairs
from cryoden.kernels.noisy_pairs import PATCH, NoisyPairs, Patches, Recipe
from cryoden.micrograph import Pixels
from cryoden.sampling.source import Batches, BatchOnGpu
from cryoden.sampling.stream import IN_USE, Stream

SHARE = 0.7  # of the GPU's free memory that micrographs may take


def made_on_gpu(pairs: PatchSet, device: torch.device) -> TypeGuard[PatchPairs]:
    """Return whether the noise of these pairs can be drawn on this device."""
    is_drawn = isinstance(pairs, PatchPairs) and pairs.kind == "noise added"
    return is_drawn and not noisy_pairs.available(device)


def training_batches(pairs: PatchSet, source: TrainingPairs, device: torch.device, threads: int) -> Batches:
    """Return the batches of a run: made on the GPU where they can be, else read or made by threads.

    Raises
    ------
    MicrographError
        For a micrograph that cannot be read or scaled.
    """
    if not made_on_gpu(pairs, device):
        return Stream(source, threads, device)
    used = np.unique([pairs.grid.place(int(index))[0] for index in source.order(1)]).tolist()
    size = sum(4 * rows * columns for rows, columns in (pairs.targets[which].shape for which in used))
    fits = size <= SHARE * devices.free_memory(device)
    return (ResidentPairs if fits else StreamedPairs)(pairs, source, device, threads, used)


class ResidentPairs:
    """Batches cut from micrographs that lie in the GPU's memory.

    Parameters
    ----------
    pairs, source : PatchPairs, TrainingPairs
        All pairs, and those trained on.
    device : torch.device
        The GPU.
    threads : int
        Threads that read the micrographs.
    used : sequence of int
        The micrographs that pairs are trained on of.
    """

    def __init__(
        self,
        pairs: PatchPairs,
        source: TrainingPairs,
        device: torch.device,
        threads: int,
        used: Sequence[int],
    ) -> None:
        self._source, self._maker = source, NoisyPairs(recipe(pairs), device)
        self._there: dict[int, Tensor] = {}
        with ThreadPoolExecutor(threads) as pool:
            for begin in range(0, len(used), threads):  # no more than so many in main memory
                some = used[begin : begin + threads]
                whole = (devices.sent(pixels, device) for pixels in pool.map(pairs.whole, some))
                self._there.update(zip(some, whole, strict=True))
        self._patches = np.zeros(len(pairs), PATCH)
        for index in source.order(1):
            self._patches[index] = self._patch(pairs, int(index))

    def batches(self, steps: Iterable[tuple[int, int]]) -> Generator[BatchOnGpu, None, None]:
        """Yield the batches of these steps; see `cryoden.sampling.source.Batches`."""
        known, rows, buffers = 0, torch.empty(0), _Buffers(self._maker, self._source.size)
        for epoch, step in steps:
            if known != epoch:
                known, rows = epoch, self._maker.uploaded(self._patches[self._source.order(epoch)])
            yield buffers.filled(rows[self._source.part(step)], self._source.drawn(epoch))

    def _patch(self, pairs: PatchPairs, index: int) -> tuple[int, int, float, float, int]:
        which, top, left = pairs.grid.place(index)
        there, scale = self._there[which], pairs.scale(which)
        address = there.data_ptr() + 4 * (top * there.shape[1] + left)
        return address, there.shape[1], scale.offset, scale.divisor, index


class StreamedPairs:
    """Batches whose patches are cut by threads, and get their noise on the GPU; see `ResidentPairs`."""

    def __init__(
        self,
        pairs: PatchPairs,
        source: TrainingPairs,
        device: torch.device,
        threads: int,
        used: Sequence[int],
    ) -> None:
        self._pairs, self._source, self._maker = pairs, source, NoisyPairs(recipe(pairs), device)
        with ThreadPoolExecutor(threads) as pool:  # several at once, which takes a while one by one
            list(pool.map(self._measure, used))
        self._stream = Stream(_Cut(pairs, source), threads, device)

    def batches(self, steps: Iterable[tuple[int, int]]) -> Generator[BatchOnGpu, None, None]:
        """Yield the batches of these steps; see `cryoden.sampling.source.Batches`."""
        ahead, now = tee(steps)
        cut, buffers = self._stream.batches(ahead), _Buffers(self._maker, self._source.size)
        try:
            for (epoch, step), batch in zip(now, cut, strict=False):
                there = torch.from_numpy(batch.target).to(self._maker.device, non_blocking=True)
                rows = self._maker.uploaded(self._rows(there, self._source.items(epoch, step)))
                yield buffers.filled(rows, self._source.drawn(epoch))
        finally:
            cut.close()

    def _measure(self, which: int) -> None:
        self._pairs.whole(which)

    def _rows(self, there: Tensor, items: Sequence[tuple[int, int]]) -> Patches:
        edge, begin = self._pairs.edge, there.data_ptr()
        scales = [self._pairs.scale(self._pairs.grid.place(index)[0]) for _, index in items]
        rows = [
            (begin + 4 * edge**2 * at, edge, scale.offset, scale.divisor, index)
            for at, (scale, (_, index)) in enumerate(zip(scales, items, strict=True))
        ]
        return np.array(rows, PATCH)


class _Cut:
    """Patches as they lie in their micrographs, in place of targets."""

    def __init__(self, pairs: PatchPairs, source: TrainingPairs) -> None:
        self._pairs, self.edge, self.size, self.items = pairs, pairs.edge, source.size, source.items

    def read(self, item: tuple[int, int], noisy: Pixels, target: Pixels) -> None:  # noqa: ARG002  made later
        which, top, left = self._pairs.grid.place(item[1])
        target[...] = finite_window(self._pairs.targets[which], top, left, self.edge, self.edge)


class _Buffers:
    """Memory of the batches in use, taken in turn."""

    def __init__(self, maker: NoisyPairs, size: int) -> None:
        shape = IN_USE, 2, size, 1, maker.recipe.edge, maker.recipe.edge
        self._maker, self._whole, self._turn = maker, torch.empty(shape, device=maker.device), 0

    def filled(self, patches: Tensor, epoch: int) -> BatchOnGpu:
        noisy, target = self._whole[self._turn, :, : len(patches)]
        self._turn = (self._turn + 1) % IN_USE
        self._maker.make(patches, epoch, noisy, target)
        return BatchOnGpu(noisy, target)


def recipe(pairs: PatchPairs) -> Recipe:
    """Return how the pairs' noise is made."""
    of = pairs.settings
    positive = of.scale == "positive"
    return Recipe(pairs.edge, of.noise_seed, of.poisson, of.gaussian, positive, positive and of.clip)
