"""Micrographs and halves in lists of other programs: STAR files of RELION, ``.cs`` and ``.csg`` of cryoSPARC.

In a cryoSPARC project names begin at the project's folder; with ``>`` in front, as in exported groups, at
that of the list. Both halves of an exposure, A and B, are the two images of one file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from cryoden.dataset import star_files
from cryoden.dataset.cs_tables import CsTable, read_table, with_passthrough
from cryoden.dataset.star_files import ListedFiles, is_star, project_of
from cryoden.errors import HalvesError, StarRowError
from cryoden.io.star import is_no_name

SUFFIXES = (".star", ".cs", ".csg")
MICROGRAPHS = ("micrograph_blob", "micrograph_blob_non_dw")  # the first that is there
AB = ("micrograph_blob_non_dw_AB",)
ONCE = "Give the exposures of a motion correction or of a later job"
STAR_HALVES = "Give the STAR file of a motion correction that saved sums of even and odd frames"
HALVES = "Give the exposures of a patch motion correction that saved halves, A and B"
BESIDE = ">"


@dataclass(frozen=True)
class CsListing:
    """An output of cryoSPARC that lists images in one of its slots; ``None`` for a row without one."""

    table: CsTable
    slot: str
    project: Path
    files: tuple[Path | None, ...]
    sizes: tuple[float | None, ...]


def is_list(path: Path) -> bool:
    """Tell whether a name is that of a list of micrographs."""
    return path.suffix.lower() in SUFFIXES


def micrographs_of(path: Path) -> list[Path]:
    """Return the micrographs a list has, each once, whether they are there or not.

    Raises
    ------
    HalvesError, MicrographError
        See `cryoden.dataset.star_files.listed` and `cs_listing`.
    """
    if is_star(path):
        return star_files.micrographs_of(path)
    return list(dict.fromkeys(file for file in cs_listing(path).files if file))


def halves_of(path: Path) -> list[ListedFiles]:
    """Return the halves of each exposure a list has, even or A first; of cryoSPARC both are in one file.

    Raises
    ------
    HalvesError, MicrographError
        See `cryoden.dataset.star_files.listed` and `cs_listing`.
    """
    if is_star(path):
        return star_files.listed(path, star_files.HALVES, STAR_HALVES)
    found = cs_listing(path, AB, HALVES)
    return [
        ListedFiles((file, file), size) for file, size in zip(found.files, found.sizes, strict=True) if file
    ]


def pixel_sizes(paths: Iterable[Path]) -> dict[Path, float]:
    """Return Å/px of the micrographs and halves that the lists among paths have, where they say it."""
    known = list(paths)
    found = star_files.pixel_sizes(known)
    others = (path for path in known if is_list(path) and not is_star(path))
    for path, slots in product(others, (MICROGRAPHS, AB)):
        with suppress(HalvesError):  # it need not have both
            listed = cs_listing(path, slots)
            sized = zip(listed.files, listed.sizes, strict=True)
            found.update({file: size for file, size in sized if file and size})
    return found


def cs_listing(path: Path, slots: Iterable[str] = MICROGRAPHS, fix: str = ONCE) -> CsListing:
    """Return what a ``.cs`` or ``.csg`` file lists in the first of these slots that it has.

    Where it has none of them, the file is looked at that holds what its job passed through.

    Raises
    ------
    HalvesError
        ``D01`` when there is no such slot, or an image of a stack in it; ``D02`` when none of the files is
        where the project can be, or the files of one output have different rows.
    MicrographError
        ``F49``, ``F50``, ``F58`` when the file cannot be read.
    """
    wanted = list(slots)
    table = read_table(path)
    if not _slot(table, wanted):
        table = with_passthrough(table)
    slot = _slot(table, wanted)
    if slot is None:
        has = ", ".join(table.slots) or "none"
        raise HalvesError("D01", path, f"no column {wanted[0]}/path (slots found: {has})", fix=fix)
    names = table.texts(f"{slot}/path")
    _refuse_odd(table, slot, names)
    plain = [name.removeprefix(BESIDE) for name in names]
    project = project_of(path, [name for name in plain if name])
    files = tuple(_file(path, project, name) for name in names)
    return CsListing(table, slot, project, files, _sizes(table, slot))


def _slot(table: CsTable, wanted: Iterable[str]) -> str | None:
    return next((slot for slot in wanted if f"{slot}/path" in table.columns), None)


def _file(path: Path, project: Path, name: str) -> Path | None:
    """Return where a file is: a name with ``>`` begins at the list's folder, others at the project's."""
    if not name:
        return None
    own = path.absolute().parent / name.removeprefix(BESIDE)
    is_own = name.startswith(BESIDE) and os.path.lexists(own)
    return Path(os.path.normpath(own if is_own else project / name.removeprefix(BESIDE)))


def _sizes(table: CsTable, slot: str) -> tuple[float | None, ...]:
    column = f"{slot}/psize_A"
    if column not in table.columns:
        return (None,) * len(table.rows)
    return tuple(size if 0 < size < float("inf") else None for size in table.numbers(column).tolist())


def _refuse_odd(table: CsTable, slot: str, names: Iterable[str]) -> None:
    if bad := next((name for name in names if is_no_name(name)), None):
        what = f"a name no file can have, {len(bad):,} letters: {bad[:40]!r}"
        raise StarRowError("D01", table.path, what, fix="Save it again in cryoSPARC")
    column = f"{slot}/idx"
    if column in table.columns and table.numbers(column).any():
        what = f"{column} names images of stacks, not micrographs"
        raise StarRowError("D01", table.path, what, fix="Give exposures or micrographs")
