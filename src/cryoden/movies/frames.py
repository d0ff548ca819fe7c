"""Frames as they are aligned and summed: in groups, gain applied, defects repaired; one group in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from cryoden.micrograph import Pixels
from cryoden.movies.defects import Repair
from cryoden.movies.readers import Movie, is_eer

EER_GROUPS = 40


@dataclass(frozen=True)
class Group:
    """Frames that are added up before anything else: from ``first`` on, up to but not ``end``."""

    first: int
    end: int


def groups_of(frames: int, size: int) -> list[Group]:
    """Share frames out into groups of so many; what is left over makes some of them larger by one.

    Two groups at least, so that there are two halves.
    """
    count = max(2, frames // size)
    ends = [round(frames * index / count) for index in range(count + 1)]
    return [Group(first, end) for first, end in pairwise(ends)]


def group_size(movie: Movie, asked: int) -> int:
    """Return how many frames make a group; 0 leaves it to what the movie is."""
    if asked:
        return asked
    return max(1, movie.frames // EER_GROUPS) if is_eer(movie.path) else 1


class GroupedFrames:
    """The groups of a movie, made again each time they are asked for.

    Parameters
    ----------
    movie : Movie
        Open.
    groups : list of Group
        See `groups_of`.
    gain : ndarray or None
        ``(h, w)`` factors.
    """

    def __init__(self, movie: Movie, groups: list[Group], gain: Pixels | None = None) -> None:
        self.movie, self.groups, self.gain = movie, groups, gain
        self.repair = Repair(np.zeros(movie.shape, np.bool_))

    def __iter__(self) -> Iterator[Pixels]:
        return map(self.group, self.groups)

    def group(self, group: Group) -> Pixels:
        """Return the sum of a group's frames, ``(h, w)`` float32."""
        total = self.movie.frame(group.first)
        for index in range(group.first + 1, group.end):
            total += self.movie.frame(index)
        if self.gain is not None:
            total *= self.gain
        self.repair.mend(total)
        return total
