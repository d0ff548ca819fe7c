"""Batches read ahead of the step by threads, into buffers that are used again and again.

Memory is so many buffers, whatever the size of the data set: a batch is read into a free buffer,
handed out, and its buffer is free when the next batch but one is asked for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from cryoden.experiment.prefetch import PrefetchQueue, Slot
from cryoden.micrograph import Pixels
from cryoden.settings.baseline import PatchSettings

Read = Callable[[int, Pixels, Pixels], None]
AHEAD = 24  # batches being read while others are used; fewer where they are large
AHEAD_BYTES = 1 << 29
IN_USE = 2  # one the step works on, one whose transfer to the GPU may go on
ORDER = 1  # second half of the generator's key, where the noise of pairs has 0


class Pairs(Protocol):
    """Whatever patch pairs can be read from, in any order and by any number of threads."""

    @property
    def edge(self) -> int:
        """Edge of a patch in px."""

    def __len__(self) -> int: ...

    def read(self, index: int, noisy: Pixels, target: Pixels) -> None:
        """Write pair ``index`` into two contiguous ``(p, p)`` float32 buffers."""


class Known(Pairs, Protocol):
    """Pairs of which it is known how they are made."""

    @property
    def settings(self) -> PatchSettings:
        """How."""

    @property
    def kind(self) -> str:
        """Of what: "noise added" or "pairs"."""


@dataclass(frozen=True)
class PairBatch:
    """``(b, 1, p, p)`` float32 tensors in memory, page-locked for a GPU; valid until the next but one."""

    noisy: Tensor
    target: Tensor

    def on(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return noisy and target on a device; the transfer may still be on its way."""
        noisy, target = (part.to(device, non_blocking=True) for part in (self.noisy, self.target))
        return noisy, target


@dataclass(frozen=True, eq=False)
class _Buffer:
    """Memory of one batch, and the noisy and target patch of each of its pairs in it."""

    whole: Tensor
    places: list[tuple[Pixels, Pixels]]

    @classmethod
    def of(cls, batch: int, edge: int, *, pinned: bool) -> _Buffer:
        whole = torch.empty((2, batch, 1, edge, edge), dtype=torch.float32, pin_memory=pinned)
        noisy, target = whole.numpy()[:, :, 0]
        return cls(whole, list(zip(noisy, target, strict=True)))

    def batch(self, count: int) -> PairBatch:
        return PairBatch(self.whole[0, :count], self.whole[1, :count])


def order(pairs: int, seed: int, epoch: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the order in which an epoch sees its pairs, by a counter-based generator."""
    draw = np.random.Generator(np.random.Philox(key=[seed, ORDER], counter=[0, 0, 0, epoch]))
    return draw.permutation(pairs)


class Stream:
    """Batches of chosen pairs, in the order they are asked for.

    Parameters
    ----------
    pairs : Pairs
        Where they are read from.
    batch : int
        Pairs a batch; the last one of `batches` may have fewer.
    threads : int
        Threads that read.
    pinned : bool
        Whether buffers are page-locked, for a GPU.
    """

    def __init__(self, pairs: Pairs, batch: int, threads: int, *, pinned: bool) -> None:
        self._pairs, self._batch, self._threads = pairs, batch, threads
        ahead = max(1, min(AHEAD, AHEAD_BYTES // (8 * batch * pairs.edge**2)))
        self._buffers = [_Buffer.of(batch, pairs.edge, pinned=pinned) for _ in range(ahead + IN_USE)]

    def batches(self, indices: Iterator[int], read: Read | None = None) -> Iterator[PairBatch]:
        """Yield batches of these pairs; one call at a time, because calls share the buffers.

        Parameters
        ----------
        indices : iterator of int
            Pairs in order; taken some batches ahead, by the threads that read.
        read : callable, optional
            In place of the pairs' own.

        Raises
        ------
        CryodenError
            What reading a pair raised, once its batch is asked for.
        """
        fill = partial(_fill, read or self._pairs.read)
        slots = [Slot(buffer) for buffer in self._buffers]
        ahead = PrefetchQueue(slots, _grouped(indices, self._batch), fill, self._threads)
        used = deque[Slot[_Buffer]]()
        try:
            for slot in iter(ahead.take, None):
                used.append(slot)
                yield slot.buffer.batch(slot.count)
                ahead.give_back(used.popleft()) if len(used) == IN_USE else None
        finally:
            ahead.stop()

    def close(self) -> None:
        """Free the buffers."""
        self._buffers.clear()


def _fill(read: Read, index: int, buffer: _Buffer, place: int) -> None:
    read(index, *buffer.places[place])


def _grouped(indices: Iterator[int], size: int) -> Iterator[tuple[int, ...]]:
    while group := tuple(islice(indices, size)):
        yield group
