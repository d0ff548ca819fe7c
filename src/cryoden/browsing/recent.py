"""What was made lately, in no more than so much memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Keeps values up to a number of bytes, and forgets those first that were asked for longest ago.

    May be used from several threads.

    Parameters
    ----------
    most : int
        Bytes. The value put in last is kept whatever its size.
    size : callable
        Gives the bytes of a value.
    """

    def __init__(self, most: int, size: Callable[[V], int]) -> None:
        self.most, self.bytes = most, 0
        self._size, self._kept = size, OrderedDict[K, V]()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, key: K) -> bool:
        return key in self._kept

    def get(self, key: K) -> V | None:
        """Return a value, which so is the one forgotten last; ``None`` where it is not kept."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: K, value: V) -> None:
        """Keep a value, and forget others where there is no room."""
        with self._lock:
            self.bytes += self._size(value) - (self._size(self._kept.pop(key)) if key in self._kept else 0)
            self._kept[key] = value
            while self.bytes > self.most and len(self._kept) > 1:
                self.bytes -= self._size(self._kept.popitem(last=False)[1])

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._kept.clear()
            self.bytes = 0
