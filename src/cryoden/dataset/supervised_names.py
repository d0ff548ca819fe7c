"""Which noisy micrograph belongs to which target, from names that differ by one tag."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, takewhile
from pathlib import Path

from cryoden.dataset.folder_walk import natural
from cryoden.dataset.output_paths import micrographs_in
from cryoden.errors import HalvesError, printable
from cryoden.formats.names import stem_of

Tags = tuple[str, str]


def matched(noisy: Sequence[Path], target: Sequence[Path]) -> list[tuple[Path, Path]]:
    """Match two sets of files by name.

    Parameters
    ----------
    noisy, target : sequence of Path
        Files, and folders which are searched to their depth.

    Returns
    -------
    list of (Path, Path)
        Sorted by name. The names of each pair differ by the same tag, such as ``_frame`` and
        ``_rest``, or not at all.

    Raises
    ------
    HalvesError
        D01 when a set is empty, D02 when the counts differ, D03 when names do not match, D07
        when a name comes twice.
    """
    first, second = (
        sorted(micrographs_in(paths), key=lambda path: natural(stem_of(path))) for paths in (noisy, target)
    )
    if not first or not second:
        raise HalvesError(
            "D01", None, f"{len(first)} noisy and {len(second)} target micrographs found", fix="Give both"
        )
    if len(first) != len(second):
        counts = f"{len(first):,} noisy and {len(second):,} target micrographs"
        raise HalvesError("D02", None, f"{counts}: each needs its partner", kept="Nothing was trained")
    _refuse_repeated(first)
    _refuse_repeated(second)
    pairs = list(zip(first, second, strict=True))
    expected = _tags(*pairs[0])
    for one, other in pairs:
        if _tags(one, other) != expected:
            wanted = " and ".join(map(repr, expected))
            problem = f"its name does not match that of {other.name} (expected to differ by {wanted})"
            raise HalvesError(
                "D03", one, problem, kept="Nothing was trained", fix="Rename, or leave files out"
            )
    return pairs


def _refuse_repeated(paths: Sequence[Path]) -> None:
    for one, other in pairwise(paths):
        if one.name == other.name:
            problem = f"has the same name as {printable(other)}"
            raise HalvesError("D07", one, problem, kept="Nothing was trained", fix="Rename one of them")


def _tags(one: Path, other: Path) -> Tags:
    """Return where two names differ: what is between their common beginning and end."""
    a, b = stem_of(one), stem_of(other)
    begin = _shared(a, b)
    end = _shared(a[begin:][::-1], b[begin:][::-1])
    return a[begin : len(a) - end], b[begin : len(b) - end]


def _shared(a: str, b: str) -> int:
    """Return how many letters two texts begin with in common."""
    return sum(1 for _ in takewhile(lambda letters: letters[0] == letters[1], zip(a, b, strict=False)))
