"""Tables of cryoSPARC: ``.cs`` files, which are structured numpy arrays, and ``.csg`` files, which join them.

Source: cryosparc-tools 5.0 (``cryosparc.dataset``), and cryoSPARC's guide, "Manipulating .cs Files". The
plain form is read by numpy, the compressed one, ``CSDAT``, by cryosparc-tools. Nothing in a file is run.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from cryoden.errors import HalvesError, MicrographError, printable
from cryoden.io import typed_json
from cryoden.io.mrc_header import bytes_of, open_regular

PLAIN, COMPRESSED = b"\x93NUMPY", b"\x95CSDAT"
UID = "uid"
MOST_HEADER = 1 << 18  # bytes; 70 columns take 4,000
MOST_GROUP = 1 << 20
JOB = re.compile(r"(?:(?:cryosparc_P\d+_)?J\d+_)?(?P<passed>passthrough_)?(?P<group>.+)")
Rows = NDArray[Any]


@dataclass(frozen=True)
class CsTable:
    """Rows of one output of a job, each with a ``uid``; ``types`` of its slots, where a group says them."""

    path: Path
    rows: Rows
    types: Mapping[str, str] = field(default_factory=dict)
    version: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names such as ``micrograph_blob/path``: slot and field."""
        return self.rows.dtype.names or ()

    @property
    def slots(self) -> tuple[str, ...]:
        """What the columns are about: ``micrograph_blob``, ``ctf``."""
        return tuple(dict.fromkeys(name.split("/")[0] for name in self.columns if "/" in name))

    def texts(self, column: str) -> list[str]:
        """Return the values of a column of names.

        Raises
        ------
        HalvesError
            ``D01`` when it holds something else.
        """
        return [os.fsdecode(value) for value in self._values(column, "SU", (), "names").tolist()]

    def numbers(self, column: str, *each: int) -> NDArray[np.float64]:
        """Return a column of numbers, of which a row has the shape ``each``; raises as `texts` does."""
        return self._values(column, "biuf", each, "numbers").astype(np.float64)

    def _values(self, column: str, kinds: str, each: tuple[int, ...], wanted: str) -> Rows:
        values = self.rows[column]
        if values.dtype.kind not in kinds or values.shape[1:] != each:
            what = f"column {column} holds {self.rows.dtype[column]}, not {wanted}"
            raise HalvesError("D01", self.path, what, fix="Save it again in cryoSPARC")
        return values


@dataclass(frozen=True)
class _Result:
    metafile: str
    type: str = ""


@dataclass(frozen=True)
class _Group:
    results: dict[str, _Result]
    version: str = ""


def read_table(path: Path) -> CsTable:
    """Return the table in a ``.cs`` file, or that of all the files a ``.csg`` file names, joined by ``uid``.

    Raises
    ------
    MicrographError
        ``F49``, ``F50`` when a file cannot be read, ``F58`` when it is none of these, or is compressed and
        cryosparc-tools are not installed.
    HalvesError
        ``D02`` when the files of a group have different rows.
    """
    if path.suffix.lower() != ".csg":
        return CsTable(path, _rows(path))
    group = _group(path)
    files = dict.fromkeys(result.metafile for result in group.results.values())
    first, *others = (_chosen(path, name, group.results) for name in files)
    types = {slot: result.type for slot, result in group.results.items()}
    return CsTable(path, joined(path, first, others), types, group.version)


def with_passthrough(table: CsTable) -> CsTable:
    """Return a table with the columns of the file beside it that holds what its job passed through.

    ``exposures.cs`` and ``J3_passthrough_exposures.cs`` are one output, or those of other names whose
    rows are the same. Without such a file it is the table itself.

    Raises
    ------
    MicrographError
        See `read_table`, of the first file that cannot be read, where no other belongs to the table.
    """
    own, unread = _output(table.path), list[MicrographError]()
    beside = (other for other in table.path.parent.glob("*.cs") if _output(other)[0] != own[0])
    for other in sorted(beside, key=lambda other: (_output(other) != (not own[0], own[1]), other.name)):
        try:
            return CsTable(table.path, joined(table.path, table.rows, [_rows(other)]))
        except MicrographError as error:  # nobody gave this file: it counts where no other is whole
            unread.append(error)
        except HalvesError:  # it is of another output
            continue
    if unread:
        raise unread[0]
    return table


def joined(path: Path, first: Rows, others: Iterable[Rows]) -> Rows:
    """Return rows with the columns that others have for the same ``uid``.

    Raises
    ------
    HalvesError
        ``D02`` when another has no row for some of them.
    """
    for other in others:
        order = np.argsort(other[UID], kind="stable")
        found = np.searchsorted(other[UID], first[UID], sorter=order).clip(max=max(len(order) - 1, 0))
        places = order[found] if len(order) else np.zeros(0, np.intp)
        missing = len(first) if len(places) < len(first) else int((other[UID][places] != first[UID]).sum())
        if missing:
            what = f"{missing:,} of {len(first):,} rows have no row of their uid in the files it belongs with"
            raise HalvesError("D02", path, what, fix="Save the output again in cryoSPARC")
        names = [name for name in other.dtype.names or () if name not in (first.dtype.names or ())]
        first = with_columns(first, {name: other[name][places] for name in names})
    return first


def with_columns(rows: Rows, columns: Mapping[str, Rows]) -> Rows:
    """Return rows with some columns added, or replaced where they are there."""
    fields = {name: rows.dtype[name] for name in rows.dtype.names or ()}
    fields |= {name: np.dtype((values.dtype, values.shape[1:])) for name, values in columns.items()}
    made = np.zeros(len(rows), list(fields.items()))
    for name in fields:
        made[name] = columns.get(name, rows[name] if name in (rows.dtype.names or ()) else None)
    return made


def _output(path: Path) -> tuple[bool, str]:
    """Return whether a file is what a job passed through, and the name of the output."""
    name = JOB.fullmatch(path.stem)
    return (bool(name["passed"]), name["group"]) if name else (False, path.stem)


def _rows(path: Path) -> Rows:
    with os.fdopen(open_regular(path), "rb") as file:
        begin = file.read(len(PLAIN))
        file.seek(0)
        if begin == COMPRESSED:
            rows = _decompressed(path, file)
        elif begin == PLAIN:
            rows = _array(path, file)
        else:
            raise _refused(path, f"is no .cs file: it begins with {begin!r}")
    if UID not in (rows.dtype.names or ()) or rows.ndim != 1:
        raise _refused(path, "has no column uid")
    return rows


def _array(path: Path, file: BinaryIO) -> Rows:
    try:
        rows: Rows = np.lib.format.read_array(file, allow_pickle=False, max_header_size=MOST_HEADER)
    except Exception as error:  # noqa: BLE001  numpy passes on what its tokenizer and parser meet
        raise _damaged(path, error) from None
    return rows


def _decompressed(path: Path, file: BinaryIO) -> Rows:
    try:
        from cryosparc.dataset import Dataset  # noqa: PLC0415  an extra, and half a second
    except ImportError:
        fix = "Install napari-cryoden[cryosparc], or save it in the plain form"
        raise _refused(path, "is compressed, which only cryosparc-tools read", fix) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(Dataset.load(file).to_records(fixed=True))
    except Exception as error:  # noqa: BLE001  as above
        raise _damaged(path, error) from None


def _chosen(group: Path, name: str, results: Mapping[str, _Result]) -> Rows:
    """Return those columns of one file of a group that the group takes from it."""
    rows = _rows(_beside(group, name))
    slots = {slot for slot, result in results.items() if result.metafile == name}
    names = [UID, *(column for column in rows.dtype.names or () if column.split("/")[0] in slots)]
    return with_columns(rows[[UID]], {column: rows[column] for column in names})


def _beside(group: Path, name: str) -> Path:
    """Return where a file of a group is: ``>`` is the group's folder; else the project's, which is above."""
    inside = PurePosixPath(name.removeprefix(">"))
    if inside.is_absolute() or ".." in inside.parts:
        raise _refused(group, f"names {printable(name)[:120]}, which is outside its project")
    if name.startswith(">"):
        return group.parent / name.removeprefix(">")
    places = (group.absolute().parent, *group.absolute().parents)
    return next((place / name for place in places if (place / name).is_file()), group.parent / name)


def _group(path: Path) -> _Group:
    import yaml  # noqa: PLC0415  only for groups

    text = bytes_of(path, MOST_GROUP)
    try:
        known = yaml.load(text, yaml.BaseLoader)
        group = typed_json.as_type(_Group, known)
    except (ValueError, TypeError, yaml.YAMLError, RecursionError) as error:
        raise _refused(path, f"is no .csg file: {_first_line(error)}") from None
    if not group.results:
        raise _refused(path, "is a group without results")
    return group


def _damaged(path: Path, error: Exception) -> MicrographError:
    return _refused(path, f"is damaged: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    return printable(str(error).partition("\n")[0])[:120]


def _refused(path: Path, what: str, fix: str = "Save the output again in cryoSPARC") -> MicrographError:
    return MicrographError("F58", path, what, kept="Nothing was read", fix=fix)
