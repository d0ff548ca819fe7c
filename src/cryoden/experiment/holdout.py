"""Pairs kept out of training, and the others in the order an epoch sees them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from cryoden.experiment.inspect_pairs import sample
from cryoden.experiment.stream import Pairs
from cryoden.settings.baseline import BaselineSettings
from cryoden.training.patches import Batch

FIT_PIXELS = 1 << 22  # of training pairs, for the linear filter


class HeldPairs:
    """A few pairs, evenly spread, that training never sees; read when a run is judged.

    Parameters
    ----------
    pairs : Pairs
        All of them.
    indices : list of int
        Those kept out.
    settings : BaselineSettings
        What the user chose.
    """

    def __init__(self, pairs: Pairs, indices: list[int], settings: BaselineSettings) -> None:
        self._pairs, self.indices, self._settings = pairs, indices, settings

    @classmethod
    def of(cls, pairs: Pairs, settings: BaselineSettings) -> tuple[HeldPairs, Batch]:
        """Return what is held out, and a batch of other pairs to fit a filter to."""
        indices = held_out(pairs, settings)
        kept = set(indices)
        others = [index for index in sample(len(pairs), 4 * settings.held_out) if index not in kept]
        others = others or [next(index for index in range(len(pairs)) if index not in kept)]
        chosen = others[: max(1, FIT_PIXELS // pairs.edge**2)]
        batches = [read_pair(pairs, index) for index in chosen]
        fit = Batch(
            *(np.concatenate([getattr(one, side) for one in batches]) for side in ("noisy", "target"))
        )
        return cls(pairs, indices, settings), fit

    @property
    def edge(self) -> int:
        """Edge of a patch in px."""
        return self._pairs.edge

    def __len__(self) -> int:
        return len(self.indices)

    def grid(self) -> Iterator[Batch]:
        """Yield each of them, one a batch."""
        for index in self.indices:
            yield read_pair(self._pairs, index)

    def others(self, order: Callable[..., Any], epoch: int) -> Iterator[int]:
        """Yield the pairs of an epoch in their order, without those kept out."""
        kept = set(self.indices)
        numbers = order(len(self._pairs), self._settings.seed, epoch)
        return (int(index) for index in numbers if int(index) not in kept)

    def reader(self, epoch: int) -> Callable[..., None] | None:
        """Return what reads the pairs of an epoch, where its noise is to be its own."""
        pair = getattr(self._pairs, "pair", None)
        if not self._settings.fresh or pair is None:
            return None
        return partial(_fresh, pair, epoch)


def held_out(pairs: Pairs, settings: BaselineSettings) -> list[int]:
    """Return which pairs are kept out of training, evenly spread."""
    return sample(len(pairs), settings.held_out)


def _fresh(pair: Callable[..., Any], epoch: int, index: int, noisy: Any, target: Any) -> None:
    noisy[...], target[...] = pair(index, epoch)


def read_pair(pairs: Pairs, index: int) -> Batch:
    """Return one pair as a batch."""
    buffers = np.empty((2, 1, 1, pairs.edge, pairs.edge), np.float32)
    pairs.read(index, buffers[0, 0, 0], buffers[1, 0, 0])
    return Batch(buffers[0], buffers[1])
