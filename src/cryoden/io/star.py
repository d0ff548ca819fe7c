"""Columns of RELION STAR files.

Only what RELION writes is read: ``data_`` blocks holding a ``loop_`` of named columns and rows
of values parted by white space, where quotes hold a value with spaces together (Hall 1991,
J. Chem. Inf. Comput. Sci. 31, 326).
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from cryoden.errors import HalvesError
from cryoden.io.mrc_header import open_regular

MOST_BYTES = 2**30
SAMPLED = 20  # rows looked at to find the project's folder


def micrographs_of(star: Path) -> list[Path]:
    """Return the micrographs a STAR file lists, each once, whether they are there or not.

    Raises
    ------
    HalvesError, MicrographError
        See `read_columns`.
    """
    fix = "Give the STAR file of a motion correction or of a CTF estimation"
    rows = read_columns(star, ("rlnMicrographName",), fix)
    project = project_of(star, rows)
    return list(dict.fromkeys(Path(os.path.abspath(project / name)) for (name,) in rows))  # noqa: PTH100  # resolve() would follow links


def project_of(star: Path, rows: Sequence[tuple[str, ...]]) -> Path:
    """Return the folder that file names in these rows start from: of the STAR file, or one above it."""
    folder = Path(os.path.abspath(star)).parent  # noqa: PTH100  # as above
    sample = rows[:: len(rows) // SAMPLED + 1]
    for place in (folder, *folder.parents):
        if any((place / name).is_file() for row in sample for name in row):
            return place
    return folder


def read_columns(
    path: Path, names: Sequence[str], fix: str = "Give another STAR file"
) -> list[tuple[str, ...]]:
    """Read some columns of the first table that has them all.

    Parameters
    ----------
    path : Path
        A STAR file.
    names : sequence of str
        Column names without the leading underscore, such as ``"rlnMicrographName"``.
    fix : str
        What to do when they are missing.

    Returns
    -------
    list of tuple of str
        One tuple for each row, in the order of ``names``.

    Raises
    ------
    HalvesError
        ``D01`` when no table has all columns, or a row is cut short.
    MicrographError
        ``F49``, ``F50`` when the file cannot be read.
    """
    for columns, rows in _tables(_lines(path)):
        if set(names) <= set(columns):
            places = [columns.index(name) for name in names]
            return [_pick(path, row, places, len(columns)) for row in rows]
    columns_named = f"{'column' if len(names) == 1 else 'columns'} {' and '.join(names)}"
    raise HalvesError("D01", path, f"no table with the {columns_named}", fix=fix)


def _lines(path: Path) -> list[str]:
    with os.fdopen(open_regular(path), encoding="utf-8", errors="surrogateescape") as file:
        return file.read(MOST_BYTES).splitlines()


def _tables(lines: list[str]) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Yield for each loop its column names and its rows."""
    columns: list[str] = []
    rows: list[list[str]] = []
    for line in map(str.strip, lines):
        if line.startswith(("data_", "loop_")):
            yield columns, rows
            columns, rows = [], []
        elif line.startswith("_"):
            columns.append(line[1:].split()[0] if line[1:].split() else "")
        elif line and not line.startswith("#"):
            rows.append(_values(line))
    yield columns, rows


def _values(line: str) -> list[str]:
    if "'" not in line and '"' not in line:
        return line.split()
    try:
        return shlex.split(line, posix=True)
    except ValueError:  # an apostrophe that opens no quotation
        return line.split()


def _pick(path: Path, row: list[str], places: list[int], width: int) -> tuple[str, ...]:
    if len(row) < width:
        what = f"a row has {len(row)} of {width} values: {' '.join(row)[:80]}"
        raise HalvesError("D01", path, what, fix="Copy the STAR file again")
    return tuple(row[place] for place in places)
