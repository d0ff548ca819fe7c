"""Which picks belong to which micrograph, by the names both have."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np

from cryoden.errors import printable
from cryoden.formats.names import is_micrograph_name
from cryoden.picking.picks import Picks, PicksError

UID = re.compile(r"\d{15,21}_")  # cryoSPARC puts it in front of the names of what it imports
# What programs put behind the name of a movie or a micrograph.
TAG = re.compile(
    r"([_ .-]|\s·\s)(denoised|evn|odd|even|full|autopick|manualpick|topazpick|picks|coords|frames?|fractions|"
    r"patch|aligned|doseweighted|rigid|mic|dw|nodw|corr(ected)?|sum|eer|tiff?|mrcs?)$",
    re.IGNORECASE,
)
SAME_PATH, SAME_FILE, SAME_STEM, SAME_MOVIE = 4, 3, 2, 1


def of_micrograph(picks: Sequence[Picks], micrograph: str) -> list[Picks]:
    """Return those picks that belong to a micrograph: of one name, and of each image of a stack.

    A name that has the most in common with the micrograph's wins: folders, then the name of the file, with or
    without its suffix, at last that of the movie, without what programs put in front of and behind it.

    Parameters
    ----------
    picks : sequence of Picks
        Of any micrographs.
    micrograph : str
        Path, or name, of one.

    Raises
    ------
    PicksError
        ``K03`` when picks of two micrographs could be its own.
    """
    ranked = [(_rank(one.micrograph, micrograph), one) for one in picks]
    best = max((rank for rank, _ in ranked), default=(0, 0))
    if not best[0]:
        return []
    found = [one for rank, one in ranked if rank == best]
    names = list(dict.fromkeys(one.micrograph for one in found))
    if len(names) > 1:
        problem = (
            f"picks of {printable(names[0])} and of {printable(names[1])} could be those of this micrograph"
        )
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


def _rank(name: str, micrograph: str) -> tuple[int, int]:
    """Return how alike two names are: in which way, and how many folders they share."""
    own, other = (PurePosixPath(text.replace("\\", "/")) for text in (name, micrograph))
    shared = _shared(own.parts[:-1], other.parts[:-1])
    if own.name == other.name:
        whole = shared == len(own.parts) - 1 > 0
        return (SAME_PATH if whole else SAME_FILE), shared
    if _stem(name) == _stem(micrograph):
        return SAME_STEM, shared
    return (SAME_MOVIE, shared) if movie_name(name) == movie_name(micrograph) else (0, 0)


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many folders two paths have in common, from the innermost one."""
    count = 0
    for first, second in zip(reversed(one), reversed(other), strict=False):
        if first != second:
            break
        count += 1
    return count


def _stem(name: str) -> str:
    """Return the file's name without the suffix of a micrograph; other dots belong to it."""
    last = PurePosixPath(name.replace("\\", "/")).name
    known = is_micrograph_name(last) or Path(last).suffix.lower() in {".tif", ".tiff", ".eer"}
    return Path(last).stem if known else last
