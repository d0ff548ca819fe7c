"""Threads that fill buffers ahead of whoever uses them, in order.

The threads take their work themselves, a whole buffer at a time where there are enough of them:
the one that uses the buffers does nothing but hand them back, and is seldom kept from the
interpreter. At thousands of pairs a second that is what limits a run. Threads, not processes:
reading from disk leaves the interpreter to others, and nothing is shared or copied.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Condition, Lock, Thread
from typing import Any, Generic, TypeVar

Buffer = TypeVar("Buffer")


@dataclass(eq=False)
class Slot(Generic[Buffer]):
    """A buffer that a group of items is read into.

    Parameters
    ----------
    buffer : Buffer
        Where they go; each item to a place of its own.
    count : int
        How many items there are; the last group may have fewer.
    """

    buffer: Buffer
    count: int = 0
    left: int = 0  # parts that are not read yet
    errors: list[BaseException] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class _Part(Generic[Buffer]):
    slot: Slot[Buffer]
    first: int
    items: Sequence[Any]


class PrefetchQueue(Generic[Buffer]):
    """Groups of items read into slots, as many ahead as there are slots.

    Parameters
    ----------
    slots : sequence of Slot
        Buffers, used again and again.
    groups : iterator of sequence
        What is read into each slot; taken when there is room for it, by any of the threads.
    fill : callable
        Takes an item, a buffer and a place in it, and reads.
    threads : int
        How many of them.
    """

    def __init__(
        self,
        slots: Sequence[Slot[Buffer]],
        groups: Iterator[Sequence[Any]],
        fill: Callable[[Any, Buffer, int], None],
        threads: int,
    ) -> None:
        self._free, self._groups, self._fill = deque(slots), groups, fill
        self._parts = -(-threads // max(1, len(slots) // 2))  # of a slot, so that all threads have some
        self._begun = deque[Slot[Buffer]]()  # in the order of the groups
        self._open = deque[_Part[Buffer]]()
        self._exhausted = self._stopped = False
        self._lock = Lock()
        self._room, self._there = Condition(self._lock), Condition(self._lock)
        self._threads = [Thread(target=self._work, name=f"patches_{i}", daemon=True) for i in range(threads)]
        for thread in self._threads:
            thread.start()

    def take(self) -> Slot[Buffer] | None:
        """Wait for the next slot and return it; ``None`` after the last. Raises what reading it raised."""
        with self._lock:
            self._there.wait_for(self._ready)
            if not self._begun:
                return None
            slot = self._begun.popleft()
        if slot.errors:
            raise slot.errors[0]
        return slot

    def give_back(self, slot: Slot[Buffer]) -> None:
        """Let a slot be filled again."""
        with self._lock:
            self._free.append(slot)
            self._room.notify()

    def stop(self) -> None:
        """End the threads; when this returns none of them writes any more."""
        with self._lock:
            self._stopped = True
            self._room.notify_all()
        for thread in self._threads:
            thread.join()

    def _ready(self) -> bool:
        return not self._begun[0].left if self._begun else self._exhausted

    def _work(self) -> None:
        while (part := self._next()) is not None:
            try:
                self._read(part)
            except BaseException as error:  # noqa: BLE001  it is raised where the slot is taken
                part.slot.errors.append(error)
            self._end(part.slot)

    def _read(self, part: _Part[Buffer]) -> None:
        for place, item in enumerate(part.items, part.first):
            if self._stopped:
                return
            self._fill(item, part.slot.buffer, place)

    def _next(self) -> _Part[Buffer] | None:
        """Return what to read next, once there is something; ``None`` when there will be nothing."""
        with self._lock:
            self._room.wait_for(self._anything)
            if not self._open and not self._stopped and not self._exhausted:
                self._begin()
            return self._open.popleft() if self._open and not self._stopped else None

    def _anything(self) -> bool:
        return bool(self._open or self._free or self._exhausted or self._stopped)

    def _begin(self) -> None:
        """Open the next group; an error in what to read is told in its turn, as one in reading."""
        slot = self._free.popleft()
        slot.errors.clear()
        try:
            group = next(self._groups, ())
        except BaseException as error:  # noqa: BLE001  it is raised where the slot is taken
            slot.errors.append(error)
            group = ()
        parts = self._parts if self._begun else len(self._threads)  # the first is waited for
        if group or slot.errors:
            self._begun.append(slot)
        self._exhausted = not group
        self._open_parts(slot, group, -(-len(group) // parts) or 1)

    def _open_parts(self, slot: Slot[Buffer], group: Sequence[Any], size: int) -> None:
        parts = [_Part(slot, first, group[first : first + size]) for first in range(0, len(group), size)]
        slot.count, slot.left = len(group), len(parts)
        self._open.extend(parts)
        self._room.notify_all() if self._exhausted else self._room.notify(len(parts) - 1)
        self._there.notify()

    def _end(self, slot: Slot[Buffer]) -> None:
        with self._lock:
            slot.left -= 1
            if not slot.left:
                self._there.notify()
