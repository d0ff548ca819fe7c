"""Where the pairs of a patch set are cut, and which of them share no pixel with others."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from cryoden.sampling.holdout import Part, hold_out
from cryoden.settings.baseline import PatchSettings

Indices = NDArray[np.int64]
SEED = 0  # of which micrographs are held out: the same for runs of any seed, which can so be compared


class PairGrid:
    """Patches at equal distances on some micrographs, row by row, one micrograph after the other.

    Parameters
    ----------
    shapes : sequence of tuple of int
        Height and width of each micrograph in px; one smaller than a patch has none.
    settings : PatchSettings
        Edge and distance of the patches.
    """

    def __init__(self, shapes: Sequence[tuple[int, int]], settings: PatchSettings) -> None:
        self.shapes, self.patch, self.stride = list(shapes), settings.patch, settings.stride
        self._sides = [tuple(max(0, (side - self.patch) // self.stride + 1) for side in s) for s in shapes]
        self._ends = list(accumulate(self.counts))

    @property
    def counts(self) -> list[int]:
        """How many patches each micrograph gives."""
        return [rows * columns for rows, columns in self._sides]

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def place(self, index: int) -> tuple[int, int, int]:
        """Return which micrograph a patch is of, and its top and left there, in px."""
        which = bisect_right(self._ends, index)
        within = index - (self._ends[which - 1] if which else 0)
        row, column = divmod(within, self._sides[which][1])
        return which, row * self.stride, column * self.stride

    def inside(self, parts: Sequence[Part]) -> Indices:
        """Return the patches that lie in one of the parts with all their pixels, in order."""
        found = [self._inside(part) for part in parts]
        return np.sort(np.concatenate([np.empty(0, np.int64), *found]))

    def _inside(self, part: Part) -> Indices:
        _, columns = self._sides[part.which]
        down, across = (
            np.arange(-(-begin // self.stride), (begin + side - self.patch) // self.stride + 1)
            for begin, side in ((part.top, part.height), (part.left, part.width))
        )
        first = self._ends[part.which] - self.counts[part.which]
        return (first + down[:, None] * columns + across).ravel()


def divided(grid: PairGrid, held_out: int) -> tuple[Indices, list[int]]:
    """Return pairs to train on and pairs to judge with, at most so many, which share no pixel.

    Whole micrographs are held out, or strips of a lone one (`cryoden.sampling.holdout.hold_out`);
    pairs that lie across the edge of a strip are left out.
    """
    used = [which for which, count in enumerate(grid.counts) if count]
    wanted = held_out * len(used) / len(grid)  # micrographs
    share = (math.ceil(wanted) if len(used) > 1 else wanted) / len(used)
    shapes = [grid.shapes[which] for which in used]
    parts = hold_out(shapes, share, grid.patch, SEED, grid.stride)
    training, held = (grid.inside([replace(part, which=used[part.which]) for part in some]) for some in parts)
    return training, [int(held[at]) for at in sample(len(held), held_out)]


def sample(count: int, most: int) -> list[int]:
    """Return at most so many numbers below ``count``, evenly spread."""
    return sorted({int(at) for at in np.linspace(0, count - 1, min(count, most))})
