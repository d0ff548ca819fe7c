"""Which picks belong to which micrograph, by the names both have."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np

from cryoden.errors import printable
from cryoden.formats.names import is_micrograph_name, stem_of
from cryoden.picking.picks import Picks, PicksError

UID = re.compile(r"\d{15,21}_")  # cryoSPARC puts it in front of the names of what it imports
# What programs put behind the name of a movie or a micrograph.
TAG = re.compile(
    r"([_ .-]|\s·\s)(denoised|evn|odd|even|full|autopick|manualpick|topazpick|picks|coords|frames?|fractions|"
    r"patch|aligned|doseweighted|rigid|mic|dw|nodw|corr(ected)?|sum|eer|tiff?|mrcs?)$",
    re.IGNORECASE,
)


class PicksByName:
    """Picks of many micrographs, found by the name of one without a look at those of all others.

    Parameters
    ----------
    picks : sequence of Picks
        Of any micrographs.
    """

    def __init__(self, picks: Sequence[Picks]) -> None:
        self.names = list(dict.fromkeys(one.micrograph for one in picks))
        self._alike: list[dict[str, list[Picks]]] = [{} for _ in WAYS]
        for one in picks:
            for way, alike in zip(WAYS, self._alike, strict=True):
                alike.setdefault(way(one.micrograph), []).append(one)

    def of(self, micrograph: str) -> list[Picks]:
        """Return those picks that belong to a micrograph: of one name, and of each image of a stack.

        A name that has the most in common with the micrograph's wins: folders, then the name of the file,
        with or without its suffix, at last that of the movie, without what programs put in front of and
        behind it.

        Parameters
        ----------
        micrograph : str
            Path, or name, of one.

        Raises
        ------
        PicksError
            ``K03`` when picks of two micrographs could be its own.
        """
        alike = (known.get(way(micrograph)) for way, known in zip(WAYS, self._alike, strict=True))
        near = next(filter(None, alike), [])
        ranks = [_rank(one.micrograph, micrograph) for one in near]
        best = max(ranks, default=None)
        found = [one for one, rank in zip(near, ranks, strict=True) if rank == best]
        names = list(dict.fromkeys(one.micrograph for one in found))
        if len(names) > 1:
            first, second = map(printable, names[:2])
            problem = f"picks of {first} and of {second} could be those of this micrograph"
            raise PicksError("K03", micrograph, problem, fix="Give the coordinates of one of them")
        return found


def joined(picks: Sequence[Picks]) -> Picks:
    """Return as one what several files have of one micrograph; their rows are then of no file."""
    first, *others = picks
    if not others:
        return first
    return replace(
        first,
        centers=np.concatenate([one.centers for one in picks]),
        merits=np.concatenate([one.merits for one in picks]),
        rows=np.full(sum(map(len, picks)), -1),
        source=None,
    )


def movie_name(name: str) -> str:
    """Return the name of a micrograph without folders, suffix, and what programs put around it."""
    stem = UID.sub("", _stem(name), count=1)
    while (shorter := TAG.sub("", stem)) and shorter != stem:
        stem = shorter
    return stem.lower()


def _rank(name: str, micrograph: str) -> tuple[bool, int]:
    """Return whether a micrograph's path ends like a name with folders, and how many folders they share."""
    own, other = _path(name), _path(micrograph)
    shared = _shared(own.parts[:-1], other.parts[:-1])
    return own.name == other.name and shared == len(own.parts) - 1 > 0, shared


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many folders two paths have in common, from the innermost one."""
    count = 0
    for first, second in zip(reversed(one), reversed(other), strict=False):
        if first != second:
            break
        count += 1
    return count


def _path(name: str) -> PurePosixPath:
    return PurePosixPath(name.replace("\\", "/"))


def _file(name: str) -> str:
    return _path(name).name


def _stem(name: str) -> str:
    """Return the file's name without the suffix of a micrograph; other dots belong to it."""
    last = Path(_file(name))
    return stem_of(last) if is_micrograph_name(last) or last.suffix.lower() == ".eer" else last.name


WAYS = (_file, _stem, movie_name)  # how names can be alike, the surest first
