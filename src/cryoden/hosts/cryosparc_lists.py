"""Results of a batch as an output of cryoSPARC: a ``.cs`` file with all that the input says, and a ``.csg``.

Slots and fields are those of cryoSPARC's own denoiser: ``micrograph_blob_denoised``, of the type of
``micrograph_blob`` (cryosparc-tools 5.0, ``cryosparc/models/exposure.py``).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cryoden.dataset.cs_tables import CsTable, Rows, with_columns
from cryoden.dataset.listed_files import AB, BESIDE, MICROGRAPHS, CsListing, cs_listing
from cryoden.errors import HalvesError
from cryoden.formats.micrographs import probe
from cryoden.io.atomic import atomic_write_pair, check_destination

NAME = "micrographs_denoised"
DENOISED_MICROGRAPHS = "Denoised micrographs"
DENOISED, RAW = "micrograph_blob_denoised", "micrograph_blob_raw"
FORMAT, VERSION = b"MRC/1", "v4.4.0"
OURS = "# cryoden: results of "  # at the begin of a group
OURS_AT_END = b"\n# cryoden: list of results\n"  # of a .cs file, behind the array, where no reader looks
# Types of slots that are not named for their type.
TYPES = {"background_blob": "stat_blob", "rigid_motion": "motion", "spline_motion": "motion"}


def write_cs(
    path: Path,
    final: Path,
    done: Mapping[Path, Path],
    *,
    names: Literal["added", "replaced"] = "added",
    overwrite: bool = False,
) -> None:
    """Write the list of results of a list of cryoSPARC, and the group that describes it for an import.

    Parameters
    ----------
    path, final : Path
        The list of the inputs, and that of the results, a ``.cs`` file.
    done : mapping of Path
        The result of each input.
    names : {"added", "replaced"}
        Whether results have a slot of their own, ``micrograph_blob_denoised``, empty where there is none, or
        take the place of the inputs, which then have one, ``micrograph_blob_raw``, and rows without a
        result are left out.
    overwrite : bool
        Whether other files of these names may be replaced; those from here always are.

    Raises
    ------
    HalvesError, MicrographError
        When the list can no longer be read.
    OutputError
        O02 to O06 when it cannot be written.
    """
    check_cs(path, final, overwrite=overwrite)
    found = _as_denoised(path)
    made = denoised_columns(found, done, final.parent)
    rows = with_columns(found.table.rows, _moved(found.table, final.parent))
    if names == "added":
        rows = with_columns(rows, _in_slot(DENOISED, made))
    else:
        own = {
            name.partition("/")[2]: rows[name] for name in rows.dtype.names or () if _is_of(name, found.slot)
        }
        kept = {} if found.slot in AB else _in_slot(RAW, own)  # halves keep their slot
        rows = with_columns(rows, kept | _in_slot(MICROGRAPHS[0] if found.slot in AB else found.slot, made))
        rows = rows[[file in done for file in found.files]]
    _publish(found.table, rows, final, DENOISED_MICROGRAPHS, overwrite=overwrite)


def _as_denoised(path: Path) -> CsListing:
    """Return the micrographs of a list as a batch takes them: halves only where there are no others."""
    try:
        return cs_listing(path)
    except HalvesError as error:
        if error.code != "D01":
            raise
        return cs_listing(path, AB)


def write_chosen(
    table: CsTable, keep: Sequence[bool], final: Path, title: str, *, overwrite: bool = False
) -> None:
    """Write some rows of a list of cryoSPARC, all their columns kept, as a list and a group of their own.

    Parameters
    ----------
    table : CsTable
        As it was read.
    keep : sequence of bool
        Which rows.
    final : Path
        A ``.cs`` file; the group gets its name.
    title : str
        Of the group.
    overwrite : bool
        See `write_cs`.

    Raises
    ------
    OutputError
        O02 to O06 when it cannot be written.
    """
    check_cs(table.path, final, overwrite=overwrite)
    rows = with_columns(table.rows, _moved(table, final.parent))[np.asarray(keep, bool)]
    _publish(table, rows, final, title, overwrite=overwrite)


def _publish(table: CsTable, rows: Rows, final: Path, title: str, *, overwrite: bool) -> None:
    group = final.with_suffix(".csg")
    ours = overwrite or _is_ours(final) or _is_ours(group)  # the other one, too, if it is there: see above
    with atomic_write_pair(final, group, overwrite=ours, inputs=[table.path]) as (list_part, group_part):
        with list_part.open("wb") as file:
            np.save(file, rows, allow_pickle=False)
            file.write(OURS_AT_END)
        group_part.write_text(_group(table, rows, final, title), encoding="utf-8", newline="\n")


def check_cs(path: Path, final: Path, *, overwrite: bool = False) -> None:
    """Raise what `write_cs` would raise of its two files, each of which is replaced only where it is ours."""
    for file in (final, final.with_suffix(".csg")):
        check_destination(file, overwrite=overwrite or _is_ours(file), inputs=[path])


def denoised_columns(found: CsListing, done: Mapping[Path, Path], folder: Path) -> dict[str, NDArray[Any]]:
    """Return the fields of the slot of results, a value for each row; without a result they are empty.

    Parameters
    ----------
    found : CsListing
        The list of the inputs, whose types of fields are kept.
    done : mapping of Path
        The result of each input.
    folder : Path
        Where the list of results lies: names of results outside the project begin there.
    """
    results = [done.get(file) if file else None for file in found.files]
    facts = [probe(result) if result else None for result in results]
    given = {
        name.partition("/")[2]: np.zeros_like(found.table.rows[name])
        for name in found.table.columns
        if _is_of(name, found.slot)
    }
    raw = found.table.texts(f"{found.slot}/path")
    is_project = not any(name.startswith(BESIDE) for name in raw)
    project = found.project if is_project else None
    count = len(results)
    own: dict[str, NDArray[Any]] = {
        "path": _encoded([_named(result, project, folder) if result else None for result in results]),
        "idx": np.zeros(count, "<u4"),
        "shape": np.array([one.shape if one else (0, 0) for one in facts], "<u4").reshape(count, 2),
        "psize_A": np.array([(one.pixel_size or 0) if one else 0 for one in facts], "<f4"),
        "format": np.array([FORMAT if one else b"" for one in facts], "S5"),
        "is_background_subtracted": np.zeros(count, "<u4"),
    }
    kept = f"{found.slot}/is_background_subtracted"
    if kept in found.table.columns:
        own["is_background_subtracted"] = found.table.rows[kept]
    return given | {name: _as(values, given.get(name)) for name, values in own.items()}


def _as(values: NDArray[Any], like: NDArray[Any] | None) -> NDArray[Any]:
    """Return values in the type that the input has for them; names are as long as they are."""
    return values if like is None or like.dtype.kind == "S" else values.astype(like.dtype)


def _named(result: Path, project: Path | None, folder: Path) -> str:
    """Return the name of a file from the project's folder; outside, from that of the list."""
    absolute = Path(os.path.abspath(result))  # noqa: PTH100  resolve() would follow links
    if project is not None and absolute.is_relative_to(project):
        return absolute.relative_to(project).as_posix()
    return f"{BESIDE}{Path(os.path.relpath(absolute, folder)).as_posix()}"


def _moved(table: CsTable, folder: Path) -> dict[str, NDArray[Any]]:
    """Return columns of names that begin at the folder of the input's list from that of the results' list."""
    begin = table.path.absolute().parent
    moved = {}
    for column in (name for name in table.columns if name.endswith("path")):
        texts = table.texts(column)
        if any(text.startswith(BESIDE) for text in texts):
            moved[column] = _encoded([_from(folder, begin, text) for text in texts])
    return moved


def _from(folder: Path, begin: Path, name: str) -> str:
    is_beside = name.startswith(BESIDE)
    return _named(begin / name.removeprefix(BESIDE), None, folder) if is_beside else name


def _encoded(names: Sequence[str | None]) -> NDArray[Any]:
    return np.array([os.fsencode(name or "") for name in names], "S" if any(names) else "S1")


def _in_slot(slot: str, fields: Mapping[str, Rows]) -> dict[str, Rows]:
    return {f"{slot}/{name}": values for name, values in fields.items()}


def _is_of(column: str, slot: str) -> bool:
    return column.partition("/")[0] == slot


def _group(table: CsTable, rows: Rows, final: Path, title: str) -> str:
    """Return the text of the group of a list, with a result for each slot."""
    import yaml  # noqa: PLC0415  only for groups

    slots = CsTable(table.path, rows).slots
    results = {
        slot: {"metafile": f"{BESIDE}{final.name}", "num_items": len(rows), "type": _type(slot, table.types)}
        for slot in slots
    }
    group = {
        "created": datetime.now(UTC).replace(tzinfo=None),
        "group": {
            "description": f"{title}, by cryoden",
            "name": final.stem,
            "title": title,
            "type": "exposure",
        },
        "results": results,
        "version": table.version or VERSION,
    }
    return f"{OURS}{table.path.name}\n{yaml.safe_dump(group, allow_unicode=True)}"


def _type(slot: str, known: Mapping[str, str]) -> str:
    if known.get(slot):
        return known[slot]
    return "exposure." + ("micrograph_blob" if slot.startswith("micrograph_blob") else TYPES.get(slot, slot))


def _is_ours(path: Path) -> bool:
    """Tell whether a list or a group in the place of that of the results is an earlier one."""
    is_group = path.suffix == ".csg"
    mark = OURS.encode() if is_group else OURS_AT_END
    try:
        with path.open("rb") as file:
            file.seek(*(0, os.SEEK_SET) if is_group else (-len(mark), os.SEEK_END))
            return file.read(len(mark)) == mark
    except OSError:  # or shorter than the mark
        return False
