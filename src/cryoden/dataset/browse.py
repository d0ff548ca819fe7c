"""What there is to look at among files and folders: pairs of halves, and the other micrographs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cryoden.dataset.folder_walk import micrographs_below, natural
from cryoden.dataset.half_names import HalfFiles, complete_pairs
from cryoden.dataset.listed_files import is_list, micrographs_of
from cryoden.errors import HalvesError, StarRowError

T = TypeVar("T")
F = TypeVar("F")


@dataclass(frozen=True)
class Listing:
    """What was found, by names alone; no file was opened.

    Parameters
    ----------
    pairs : list of HalfFiles
        Exposures of which both halves are there.
    others : list of Path
        Every other micrograph: sums, results, halves without their partner.
    """

    pairs: list[HalfFiles]
    others: list[Path]


def listing(paths: Sequence[Path]) -> Listing:
    """List the micrographs among files, folders (to their depth) and lists of RELION or cryoSPARC.

    Both lists are sorted by name, numbers by their value. Unlike in training, nothing is
    refused for a half that lacks its partner: one may look at it all the same.

    Raises
    ------
    HalvesError
        D01 when a path is missing or a list has no micrographs, D02 when it has halves
        that are not there.
    StarRowError
        D01 for a row that cannot be used.
    MicrographError
        When a list cannot be read.
    """
    whole = [Path(os.path.abspath(path)) for path in paths]  # noqa: PTH100  resolve() would follow links
    stars = [path for path in whole if is_list(path)]
    named = [file for path in whole if path not in stars for file in _micrographs(path)]
    listed = {star: (_known(complete_pairs, [star]), _known(micrographs_of, star)) for star in stars}
    if empty := next((star for star, columns in listed.items() if not any(columns)), None):
        raise HalvesError(
            "D01", empty, "lists no micrographs", fix="Give the STAR or .cs file of a motion correction"
        )
    pairs = complete_pairs([*(star for star in stars if listed[star][0]), *named])
    halves = {half for pair in pairs for half in (pair.even, pair.odd)}
    others = {*named, *(file for _, files in listed.values() for file in files)} - halves
    return Listing(pairs, sorted(others, key=lambda file: natural(str(file))))


def _micrographs(path: Path) -> Iterable[Path]:
    return micrographs_below(path) if path.is_dir() else [path]


def _known(read: Callable[[T], list[F]], star: T) -> list[F]:
    """Return what a list has in columns it need not have; a bad row of one it has is said."""
    try:
        return read(star)
    except StarRowError:
        raise
    except HalvesError as error:
        if error.code == "D01":
            return []
        raise
