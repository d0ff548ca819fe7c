"""Batches read ahead of the step by threads, into buffers that are used again and again.

Memory is so many buffers, whatever the size of the data set: a batch is read into a free buffer,
handed out, and its buffer is free when the next batch but one is asked for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from cryoden.experiment_settings import PatchSettings
from cryoden.micrograph import Pixels

Read = Callable[[int, Pixels, Pixels], None]
AHEAD = 3  # batches being read while others are used
IN_USE = 2  # one the step works on, one whose transfer to the GPU may go on


class Pairs(Protocol):
    """Whatever patch pairs can be read from, in any order and by any number of threads."""

    @property
    def edge(self) -> int:
        """Edge of a patch in px."""

    @property
    def settings(self) -> PatchSettings:
        """How they were made."""

    def __len__(self) -> int: ...

    def read(self, index: int, noisy: Pixels, target: Pixels) -> None:
        """Write pair ``index`` into two contiguous ``(p, p)`` float32 buffers."""


@dataclass(frozen=True)
class PairBatch:
    """``(b, 1, p, p)`` float32 tensors in memory, page-locked for a GPU; valid until the next but one."""

    noisy: Tensor
    target: Tensor


@dataclass(frozen=True)
class _Reading:
    buffer: Tensor
    futures: list[Future[None]]

    def batch(self) -> PairBatch:
        """Wait until all pairs are there."""
        for future in self.futures:
            future.result()
        count = len(self.futures)
        return PairBatch(self.buffer[0, :count], self.buffer[1, :count])


def order(pairs: int, seed: int, epoch: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the order in which an epoch sees its pairs, by a counter-based generator."""
    draw = np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, 1, epoch]))
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
        self._pairs, self._batch = pairs, batch
        shape = (2, batch, 1, pairs.edge, pairs.edge)
        count = AHEAD + IN_USE
        self._buffers = [torch.empty(shape, dtype=torch.float32, pin_memory=pinned) for _ in range(count)]
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="patches")

    def batches(self, indices: Iterator[int], read: Read | None = None) -> Iterator[PairBatch]:
        """Yield batches of these pairs.

        Parameters
        ----------
        indices : iterator of int
            Pairs in order; taken a few batches ahead.
        read : callable, optional
            In place of the pairs' own.
        """
        groups = _grouped(indices, self._batch)
        begin = partial(self._begin, groups, read or self._pairs.read)
        free = deque(self._buffers)
        waiting = deque(one for one in (begin(free) for _ in range(AHEAD)) if one)
        used = deque[_Reading]()
        try:
            while waiting:
                used.append(waiting.popleft())
                yield used[-1].batch()
                free.extend(used.popleft().buffer for _ in range(len(used) + 1 - IN_USE))
                waiting.extend(one for one in (begin(free),) if one)
        finally:
            wait([future for one in (*waiting, *used) for future in one.futures])

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(cancel_futures=True)

    def _begin(self, groups: Iterator[tuple[int, ...]], read: Read, free: deque[Tensor]) -> _Reading | None:
        """Begin to read the next group into a free buffer; ``None`` when there is no further one."""
        group = next(groups, None)
        if group is None:
            return None
        buffer = free.popleft()
        whole = buffer.numpy()
        futures = [
            self._pool.submit(read, index, whole[0, place, 0], whole[1, place, 0])
            for place, index in enumerate(group)
        ]
        return _Reading(buffer, futures)


def _grouped(indices: Iterator[int], size: int) -> Iterator[tuple[int, ...]]:
    group: list[int] = []
    for index in indices:
        group.append(index)
        if len(group) == size:
            yield tuple(group)
            group = []
    if group:
        yield tuple(group)
