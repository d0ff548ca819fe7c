"""Pairs of a patch set as training is fed with them, and as it is judged by them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from cryoden.experiment.pair_grid import Indices, PairGrid
from cryoden.experiment.pairs import PatchPairs
from cryoden.micrograph import Pixels
from cryoden.sampling.source import Batch
from cryoden.settings.baseline import BaselineSettings, PatchSettings

ORDER = 1  # second half of the generator's key, where the noise of pairs has 0


class PatchSet(Protocol):
    """Patch pairs of which it is known how they are made, from disk or on the fly.

    They can be read in any order and by any number of threads.
    """

    @property
    def edge(self) -> int:
        """Edge of a patch in px."""

    @property
    def grid(self) -> PairGrid:
        """Where they are cut."""

    @property
    def settings(self) -> PatchSettings:
        """How they are made."""

    @property
    def kind(self) -> str:
        """Of what: "noise added" or "pairs"."""

    @property
    def pixel_size(self) -> float | None:
        """Å/px of the targets, where all say the same."""

    def __len__(self) -> int: ...

    def read(self, index: int, noisy: Pixels, target: Pixels) -> None:
        """Write pair ``index`` into two contiguous ``(p, p)`` float32 buffers."""


def order(pairs: int, seed: int, epoch: int) -> Indices:
    """Return the order in which an epoch sees its pairs, by a counter-based generator."""
    draw = np.random.Generator(np.random.Philox(key=[seed, ORDER], counter=[0, 0, 0, epoch]))
    return draw.permutation(pairs)


class TrainingPairs:
    """Some pairs of a patch set, each once an epoch, in an order of its own in each.

    Parameters
    ----------
    pairs : PatchSet
        All of them.
    indices : sequence of int
        Those trained on.
    settings : BaselineSettings
        What the user chose.
    """

    def __init__(self, pairs: PatchSet, indices: Sequence[int] | Indices, settings: BaselineSettings) -> None:
        self._pairs, self._seed, self.size = pairs, settings.seed, settings.batch
        self._fresh = settings.fresh and isinstance(pairs, PatchPairs)
        self._chosen = np.zeros(len(pairs), bool)
        self._chosen[np.asarray(indices, np.int64)] = True
        self._order = 0, np.empty(0, np.int64)  # an epoch, and its pairs

    def __len__(self) -> int:
        return int(np.count_nonzero(self._chosen))

    @property
    def edge(self) -> int:
        """Edge of a patch in px."""
        return self._pairs.edge

    @property
    def steps(self) -> int:
        """Batches an epoch; the last may have fewer pairs."""
        return -(-len(self) // self.size)

    def order(self, epoch: int) -> Indices:
        """Return the pairs of an epoch, in their order."""
        known, indices = self._order
        if known != epoch:
            indices = order(len(self._pairs), self._seed, epoch)
            indices = indices[self._chosen[indices]]
            self._order = epoch, indices
        return indices

    def part(self, step: int) -> slice:
        """Return which pairs of its epoch's order are a step's."""
        first = (step - 1) % self.steps * self.size
        return slice(first, first + self.size)

    def drawn(self, epoch: int) -> int:
        """Return the epoch whose noise the pairs of an epoch have."""
        return epoch if self._fresh else 0

    def items(self, epoch: int, step: int) -> Sequence[tuple[int, int]]:
        """Return epoch and index of each pair of a batch."""
        return [(epoch, int(index)) for index in self.order(epoch)[self.part(step)]]

    def read(self, item: tuple[int, int], noisy: Pixels, target: Pixels) -> None:
        """Write a pair as its epoch sees it into two buffers."""
        epoch, index = item
        if isinstance(self._pairs, PatchPairs):
            noisy[...], target[...] = self._pairs.pair(index, self.drawn(epoch))
        else:
            self._pairs.read(index, noisy, target)


class HeldPairs:
    """A few pairs that training never sees; read when a run is judged.

    Parameters
    ----------
    pairs : PatchSet
        All of them.
    indices : sequence of int
        Those kept out.
    """

    def __init__(self, pairs: PatchSet, indices: Sequence[int]) -> None:
        self._pairs, self.indices = pairs, indices

    @property
    def edge(self) -> int:
        """Edge of a patch in px."""
        return self._pairs.edge

    def grid(self) -> Iterator[Batch]:
        """Yield each of them, one a batch."""
        for index in self.indices:
            yield read_pair(self._pairs, index)


def read_pair(pairs: PatchSet, index: int) -> Batch:
    """Return one pair as a batch."""
    buffers = np.empty((2, 1, 1, pairs.edge, pairs.edge), np.float32)
    pairs.read(index, buffers[0, 0, 0], buffers[1, 0, 0])
    return Batch(buffers[0], buffers[1])
