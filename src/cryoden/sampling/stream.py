"""Batches read ahead of the step by threads, into buffers that are used again and again.

Memory is so many buffers, whatever the size of the data set: a batch is read into a free buffer,
handed out, and its buffer is free when the next batch but one is asked for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from cryoden.compute import devices
from cryoden.micrograph import Pixels
from cryoden.sampling.prefetch import PrefetchQueue, Slot
from cryoden.sampling.source import Batch, Source

THREADS = 2  # that read ahead; a laptop has few processors
AHEAD = 24  # batches being read while others are used; fewer where they are large
AHEAD_BYTES = 1 << 29
IN_USE = 2  # one the step works on, one whose transfer to the GPU may go on


@dataclass(frozen=True, eq=False)
class _Buffer:
    """Memory of one batch, page-locked for a GPU, and the two patches of each of its pairs in it."""

    noisy: Pixels
    target: Pixels
    places: list[tuple[Pixels, Pixels]]

    @classmethod
    def of(cls, size: int, edge: int, *, pinned: bool) -> _Buffer:
        whole = torch.empty((2, size, 1, edge, edge), dtype=torch.float32, pin_memory=pinned)
        noisy, target = whole.numpy()
        return cls(noisy, target, list(zip(noisy[:, 0], target[:, 0], strict=True)))


class Stream:
    """Batches of a source, in the order they are asked for.

    Parameters
    ----------
    source : Source
        Where pairs are read from.
    threads : int
        Threads that read.
    device : torch.device
        Where batches are used.
    share : tuple of int
        Which of how many equal shares of each batch is read: the rank of a process, and their number.
    """

    def __init__(
        self, source: Source, threads: int, device: torch.device, *, share: tuple[int, int] = (0, 1)
    ) -> None:
        self._source, self._threads, self._device, self._share = source, threads, device, share
        size, pinned = -(-source.size // share[1]), device.type == "cuda"
        ahead = max(1, min(AHEAD, AHEAD_BYTES // (8 * size * source.edge**2)))
        self._buffers = [_Buffer.of(size, source.edge, pinned=pinned) for _ in range(ahead + IN_USE)]

    def batches(self, steps: Iterable[tuple[int, int]]) -> Generator[Batch, None, None]:
        """Yield the batches of these steps, each valid until the next but one is asked for.

        One call at a time, because calls share the buffers.

        Parameters
        ----------
        steps : iterable of tuple of int
            Epoch and step of each batch; taken some batches ahead, by the threads that read.

        Raises
        ------
        CryodenError
            What reading a pair raised, once its batch is asked for.
        """
        slots = [Slot(buffer) for buffer in self._buffers]
        ahead = PrefetchQueue(slots, self._groups(steps), self._fill, self._threads)
        try:
            yield from self._in_turn(ahead)
        finally:
            ahead.stop()

    def _in_turn(self, ahead: PrefetchQueue[_Buffer]) -> Iterator[Batch]:
        used = deque[tuple[Slot[_Buffer], Callable[[], None]]]()
        for slot in iter(ahead.take, None):
            yield Batch(slot.buffer.noisy[: slot.count], slot.buffer.target[: slot.count])
            used.append((slot, devices.mark(self._device)))
            if len(used) == IN_USE:
                before, sent = used.popleft()
                sent()  # a transfer is over before its buffer is filled again
                ahead.give_back(before)

    def _groups(self, steps: Iterable[tuple[int, int]]) -> Iterator[Any]:
        rank, ranks = self._share
        for epoch, step in steps:
            yield self._source.items(epoch, step)[rank::ranks]

    def _fill(self, item: Any, buffer: _Buffer, place: int) -> None:
        self._source.read(item, *buffer.places[place])
