"""Picks as STAR files that RELION takes: of one micrograph, lists of such files, and particles of many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from cryoden.dataset.star_columns import quoted, with_columns
from cryoden.dataset.star_files import GROUP, MICROGRAPH, is_star
from cryoden.io.atomic import atomic_write
from cryoden.io.star import StarTable, having, read_tables
from cryoden.picking.picks import Indices, Picks
from cryoden.picking.star_picks import LIST, MERIT, PIXEL_SIZE, UNKNOWN, X, Y

OF_ONE = ("_autopick", "_manualpick", "_topazpick")  # files of one micrograph, by RELION's names
HEAD = "# version 30001"
MOVED = 1e-3  # px; what is nearer to its place in the file stays as it is written there


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
) -> None:
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

    Raises
    ------
    OutputError
        ``O02`` to ``O06`` when it cannot be written.
    """
    inputs = [] if replace_source or before.source is None else [before.source]
    text = _edited(picks, before) or _fresh(picks, path)
    with atomic_write(path, overwrite=overwrite, inputs=inputs) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="surrogateescape")


def _fresh(picks: Picks, path: Path) -> str:
    """Return picks that are in no STAR file, in the form that the name of the new one stands for."""
    return coordinates(picks) if path.stem.endswith(OF_ONE) else particles([picks])


def _edited(picks: Picks, before: Picks) -> str | None:
    """Return the text of the file with other rows; ``None`` where it is no loop of a STAR file."""
    source = before.source
    if source is None or not is_star(source) or not source.is_file():
        return None
    table = having(read_tables(source), (X, Y))
    if table is None or not table.is_loop or not len(before):
        return None
    keep = np.ones(len(table.rows), bool)
    keep[before.rows] = False
    keep[picks.rows[picks.rows >= 0]] = True
    now = picks.in_file()
    then = dict(zip(before.rows.tolist(), before.in_file().centers, strict=True))
    columns = {label: [value for (value,) in table.columns((label,))] for label in (X, Y)}
    for row, (y, x) in zip(now.rows.tolist(), now.centers, strict=True):
        if row >= 0 and np.abs(then[row] - (y, x)).max() > MOVED:
            columns[X][row], columns[Y][row] = _number(x), _number(y)
    more = _added(table, before.rows, _rows(now.chosen(now.rows < 0)))
    return with_columns(table, columns, keep.tolist(), more=more)


def _added(table: StarTable, own: Indices, rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows for picks that were added, from their x, y and figure of merit."""
    if not rows:
        return []
    values = table.columns(table.labels)
    common = [_common([values[row][at] for row in own]) for at in range(len(table.labels))]
    filled = [dict(zip((X, Y, MERIT), row, strict=True)) for row in rows]
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
