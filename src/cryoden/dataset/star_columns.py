"""Copies of STAR files with a column more, or with other values in one; all else stays as it was written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from cryoden.errors import StarRowError, printable
from cryoden.io.star import StarTable, split_row, text_of

PLAIN = re.compile(r"[^\s'\"#_$\[\];][^\s'\"#]*")  # a value that needs no quotes
RESERVED = ("data_", "loop_", "save_", "stop_", "global_")


def with_columns(
    table: StarTable,
    columns: Mapping[str, Sequence[str]],
    keep: Sequence[bool] | None = None,
    lines: list[str] | None = None,
    more: Sequence[str] = (),
) -> str:
    """Return the text of a STAR file with some columns of one of its tables added or replaced.

    Parameters
    ----------
    table : StarTable
        The table, as it was read from its file, which must not have changed.
    columns : mapping of str to sequence of str
        Values of each row by label, without the leading underscore; others stay.
    keep : sequence of bool, optional
        Which rows stay; all of them by default.
    lines : list of str, optional
        The lines of the file, as many as it has, where another table of it has been changed already.
    more : sequence of str
        Rows that follow those of a loop.

    Raises
    ------
    MicrographError
        ``F49``, ``F50`` when the file cannot be read.
    """
    lines = text_of(table.path).split("\n") if lines is None else lines
    if table.is_loop:
        return "\n".join(_loop(table, lines, columns, keep or [True] * len(table.rows), more))
    return "\n".join(_pairs(table, lines, {label: values[0] for label, values in columns.items()}))


def quoted(value: str) -> str:
    """Return a value as it stands in a STAR file.

    Raises
    ------
    StarRowError
        ``D01`` for one that cannot stand in any: of two lines, or with both quotes that would end it.
    """
    if PLAIN.fullmatch(value) and not value.lower().startswith(RESERVED):
        return value
    found = next((f"{mark}{value}{mark}" for mark in "\"'" if not re.search(rf"{mark}\s|{mark}$", value)), "")
    if not found or value != "".join(value.splitlines()):
        problem = f"{printable(value)} is a name that no STAR file can have"
        raise StarRowError(
            "D01", None, problem, kept="No list was written", fix="Rename the file or its folder"
        )
    return found


def _loop(
    table: StarTable,
    lines: list[str],
    columns: Mapping[str, Sequence[str]],
    keep: Sequence[bool],
    more: Sequence[str],
) -> list[str]:
    rows = {number: place for place, (number, _) in enumerate(table.rows)}
    last = max(rows, default=0)
    added = [label for label in columns if label not in table.labels]
    places = {table.labels.index(label): columns[label] for label in columns if label in table.labels}
    labels = [f"_{label} #{len(table.labels) + place} " for place, label in enumerate(added, start=1)]
    last_label = _last_label(lines, table.rows[0][0] - 1) if rows else -1
    found = []
    for number, line in enumerate(lines, start=1):
        place = rows.get(number)
        if place is None:
            found.append(line)
        elif keep[place]:
            replaced = {at: values[place] for at, values in places.items()}
            found.append(_row(line, replaced, [columns[label][place] for label in added]))
        if number == last_label:
            found += labels
        if number == last:
            found += more
    return found


def _row(line: str, replaced: Mapping[int, str], added: Sequence[str]) -> str:
    """Return a row with other values in some places, and more at its end; else its own text stays."""
    values = split_row(line.strip())
    other = {place: value for place, value in replaced.items() if values[place] != value}
    if not other and not added:
        return line
    text = line.rstrip()
    if other or "#" in text:
        is_plain = not any(mark in text for mark in "'\"#")
        values = text.split() if is_plain else list(map(quoted, values))
        for place, value in other.items():
            values[place] = quoted(value)
        text = " ".join(values)
    return " ".join([text, *map(quoted, added)])


def _pairs(table: StarTable, lines: list[str], values: Mapping[str, str]) -> list[str]:
    """Return the lines of a file with a table of one row, which has a value beside each label."""
    last = table.rows[-1][0]
    first = next(n for n in range(last, 0, -1) if lines[n - 1].split()[:1] == [f"_{table.labels[0]}"])
    for number in range(first, last + 1):
        label = lines[number - 1].split()[:1]
        if label and label[0][1:] in values:
            lines[number - 1] = f"{label[0]} {quoted(values[label[0][1:]])}"
    added = [f"_{label} {quoted(value)}" for label, value in values.items() if label not in table.labels]
    return [*lines[:last], *added, *lines[last:]]


def _last_label(lines: Sequence[str], before: int) -> int:
    return next(number for number in range(before, 0, -1) if lines[number - 1].lstrip().startswith("_"))
