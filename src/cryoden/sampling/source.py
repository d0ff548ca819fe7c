"""What training is fed with: pairs of patches, each a pure function of what names it."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from cryoden.micrograph import Pixels


@dataclass(frozen=True)
class Batch:
    """``(b, 1, p, p)`` float32 arrays, on the gray scale a network sees."""

    noisy: Pixels
    target: Pixels


@dataclass(frozen=True)
class BatchOnGpu:
    """The same as tensors, where they are used."""

    noisy: Tensor
    target: Tensor


class Batches(Protocol):
    """Gives the batches of steps, whether they are read or made."""

    def batches(self, steps: Iterable[tuple[int, int]]) -> Generator[Batch | BatchOnGpu, None, None]:
        """Yield the batches of these epochs and steps, each valid until the next but one is asked for."""


class Source(Protocol):
    """Pairs of patches in batches, whatever they are cut from; shared by any number of threads.

    What a batch is made of follows from the source's seed, the epoch and the step alone, and each
    of its items can be read by itself: nothing of the loader needs saving, and several processes
    can share the items of a batch.
    """

    @property
    def edge(self) -> int:
        """Edge of a patch in px."""

    @property
    def size(self) -> int:
        """Pairs in a batch, at most."""

    def items(self, epoch: int, step: int) -> Sequence[Any]:
        """Return what names the pairs of a batch; epochs and steps count from 1 through the whole run."""

    def read(self, item: Any, noisy: Pixels, target: Pixels) -> None:
        """Write the pair of this name into two contiguous ``(p, p)`` float32 buffers."""
