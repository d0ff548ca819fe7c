"""Picks as STAR files that RELION takes: of one micrograph, lists of such files, and particles of many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cryoden.dataset.star_columns import quoted, with_columns
from cryoden.dataset.star_files import GROUP, MICROGRAPH, is_star
from cryoden.io.atomic import atomic_write
from cryoden.io.star import StarTable, having, read_tables
from cryoden.micrograph import Array
from cryoden.picking.micrograph_names import movie_name
from cryoden.picking.picks import Indices, Picks, PicksError
from cryoden.picking.star_picks import LIST, MERIT, PIXEL_SIZE, UNKNOWN, X, Y, numbers

OF_ONE = ("_autopick", "_manualpick", "_topazpick")  # files of one micrograph, by RELION's names
HEAD = "# version 30001"
MOVED = 1e-3  # px; what is nearer to its place in the file stays as it is written there


@dataclass(frozen=True, eq=False)
class Written:
    """What a file has after picks were written into it.

    Parameters
    ----------
    picks : Picks
        Those that were written; their rows are the file's as it is now.
    rows : ndarray
        For each row that the file had before where it is now, -1 for one that was removed.
    """

    picks: Picks
    rows: Indices

    def moved(self, rows: Indices) -> Indices:
        """Return where rows of the file are now, -1 for those that are not in it."""
        return np.append(self.rows, -1)[np.minimum(rows, len(self.rows))]


def coordinates(picks: Picks) -> str:
    """Return the picks of one micrograph as RELION's autopicking writes them."""
    return _text([_table("", (X, Y, MERIT), _rows(picks))])


def list_of(files: Mapping[str, str]) -> str:
    """Return the list of files of coordinates by micrograph, which RELION takes for a whole set."""
    return _text([_table("coordinate_files", LIST, [(quoted(a), quoted(b)) for a, b in files.items()])])


def particles(picks: Iterable[Picks]) -> str:
    """Return the picks of any number of micrographs, with an optics group for each pixel size."""
    known = list(picks)
    sizes = list(dict.fromkeys(one.pixel_size for one in known)) or [None]
    labels = ("rlnOpticsGroupName", GROUP, *([PIXEL_SIZE] if all(sizes) else []))
    groups = [
        (f"opticsGroup{number}", str(number), *([f"{size:.6f}"] if all(sizes) else []))
        for number, size in enumerate(sizes, start=1)
    ]
    rows = [
        (quoted(one.micrograph), *row, str(sizes.index(one.pixel_size) + 1))
        for one in known
        for row in _rows(one)
    ]
    return _text(
        [
            _table("optics", labels, groups),
            _table("particles", (*MICROGRAPH, X, Y, MERIT, GROUP), rows),
        ]
    )


def write_edited(
    picks: Picks, before: Picks, path: Path, *, overwrite: bool = False, replace_source: bool = False
) -> Written:
    """Write picks after they were edited: into a copy of the STAR file they are from, else as particles.

    In the copy everything stays that is not about them: other micrographs, tables and columns. Picks that
    were added have what those of the micrograph have in common, and what RELION writes for unknown
    elsewhere (-999, None).

    Parameters
    ----------
    picks : Picks
        As they are now; ``rows`` says which are those of the file.
    before : Picks
        As they were read, in the same pixels.
    path : Path
        Where to.
    overwrite : bool
        Whether a file that is there may be replaced.
    replace_source : bool
        Whether it may be the file they are from.

    Returns
    -------
    Written
        What is to be known for the next time, if the file they are from was replaced.

    Raises
    ------
    PicksError
        ``K10`` when the file they are from has changed since they were read.
    OutputError
        ``O02`` to ``O06`` when it cannot be written.
    """
    inputs = [] if replace_source or before.source is None else [before.source]
    text, written = _edited(picks, before) or _fresh(picks, path)
    with atomic_write(path, overwrite=overwrite, inputs=inputs) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="surrogateescape")
    return written


def _fresh(picks: Picks, path: Path) -> tuple[str, Written]:
    """Return picks that are in no STAR file, in the form that the name of the new one stands for."""
    text = coordinates(picks) if path.stem.endswith(OF_ONE) else particles([picks])
    as_written = replace(picks, rows=np.arange(len(picks)), factor=1.0, flipped=0)
    return text, Written(as_written, np.zeros(0, np.int64))


def _edited(picks: Picks, before: Picks) -> tuple[str, Written] | None:
    """Return the text of the file with other rows; ``None`` where it is no loop of a STAR file."""
    source = before.source
    if source is None or not is_star(source) or not source.is_file():
        return None
    table = having(read_tables(source), (X, Y))
    then = _places(table)
    _refuse_changed(table, then, before)
    if table is None or not table.is_loop or not table.rows:
        return None
    known = picks.rows >= 0
    keep = np.ones(len(table.rows), bool)
    keep[before.rows] = False
    keep[picks.rows[known]] = True
    now = picks.in_file()
    columns = {label: [value for (value,) in table.columns((label,))] for label in (X, Y)}
    for row, (y, x) in zip(now.rows.tolist(), now.centers, strict=True):
        if row >= 0 and np.abs(then[row] - (y, x)).max() > MOVED:
            columns[X][row], columns[Y][row] = _number(x), _number(y)
    text = with_columns(table, columns, keep.tolist(), more=_added(table, before.rows, now.chosen(~known)))
    rows = np.where(keep, np.cumsum(keep) - 1, -1)
    last = keep.sum() - 1 + np.cumsum(~known)  # where those that were added are
    return text, Written(replace(picks, rows=np.where(known, rows[picks.rows], last)), rows)


def _places(table: StarTable | None) -> Array:
    """Return ``(n, 2)`` row and column in px of all the rows of a table."""
    if table is None:
        return np.zeros((0, 2))
    lines = [number for number, _ in table.rows]
    return numbers(table.path, table.columns((X, Y)), lines)[:, 1::-1]


def _refuse_changed(table: StarTable | None, places: Array, before: Picks) -> None:
    """Raise ``K10`` where rows have not the picks that were read from them: others would be replaced."""
    there = before.rows < len(places)
    rows = before.rows[there]
    near = np.abs(places[rows] - before.in_file().centers[there]).max(axis=1) <= MOVED
    there[there] = near & _are_of(table, rows, before.micrograph)
    if not there.all():
        problem = f"{int((~there).sum()):,} of {len(there):,} picks are not where they were: it has changed"
        fix = "Open it again and repeat the edits, or rename it to write the picks of this layer alone"
        raise PicksError("K10", before.source, problem, kept="Nothing was written", fix=fix)


def _are_of(table: StarTable | None, rows: Indices, micrograph: str) -> NDArray[np.bool_]:
    """Return which rows of a table are of a micrograph, in whatever words; all where it does not say."""
    if table is None or MICROGRAPH[0] not in table.labels:
        return np.ones(len(rows), bool)
    names, movie = table.columns(MICROGRAPH), movie_name(micrograph)
    return np.array([movie_name(names[row][0]) == movie for row in rows], bool)


def _added(table: StarTable, own: Indices, picks: Picks) -> list[str]:
    """Return rows for picks that were added, with what the others of their micrograph have in common."""
    if not len(picks):
        return []
    values, rows = table.columns(table.labels), own if len(own) else range(len(table.rows))
    common = [_common([values[row][at] for row in rows]) for at in range(len(table.labels))]
    name = {} if len(own) else {MICROGRAPH[0]: picks.micrograph}
    filled = [name | dict(zip((X, Y, MERIT), row, strict=True)) for row in _rows(picks)]
    return [
        " ".join(quoted(row.get(label, shared)) for label, shared in zip(table.labels, common, strict=True))
        for row in filled
    ]


def _common(values: Sequence[str]) -> str:
    """Return the value that all have, else that for unknown ones."""
    if len(set(values)) == 1:
        return values[0]
    try:
        float(values[0])
    except ValueError:
        return "None"
    return f"{UNKNOWN:.6f}"


def _rows(picks: Picks) -> list[tuple[str, str, str]]:
    """Return x, y and figure of merit of each."""
    merits = np.where(np.isfinite(picks.merits), picks.merits, UNKNOWN)
    return [
        (_number(x), _number(y), _number(merit))
        for (y, x), merit in zip(picks.centers.tolist(), merits.tolist(), strict=True)
    ]


def _number(value: float) -> str:
    return f"{value:.6f}"


def _table(name: str, labels: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    heads = [f"_{label} #{number}" for number, label in enumerate(labels, start=1)]
    return [HEAD, "", f"data_{name}", "", "loop_", *heads, *map(" ".join, rows), "", ""]


def _text(tables: Iterable[Sequence[str]]) -> str:
    return "\n".join(["", *(line for table in tables for line in table)])
