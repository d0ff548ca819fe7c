"""Tables of STAR files: ``data_`` blocks of one ``loop_`` each, or of one row as pairs of label and value.

Source: Hall (1991, J. Chem. Inf. Comput. Sci. 31, 326), as RELION writes and reads it: a line is a
row. No library is used, because those for the format lose rows and names; see docs/why.md.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryoden.errors import StarRowError, printable
from cryoden.io.mrc_header import bytes_of

MOST_BYTES = 2**30
SHORT, LONGEST_NAME, LONGEST_PATH = 64, 255, 4095  # letters, bytes of a name, letters of a path
BLOCK = re.compile(r"data_[^\s/]*", re.IGNORECASE)
TOKEN = re.compile(r"""'(.*?)'(?!\S)|"(.*?)"(?!\S)|(#.*)|(\S+)""")


@dataclass
class StarTable:
    """One block of a STAR file. Its rows are split where they are asked for, and checked then.

    Parameters
    ----------
    path : Path
        The STAR file.
    labels : list of str
        Names of the columns, without the leading underscore.
    rows : list of (int, str)
        Number and text of each line; of pairs, all their values in one row.
    is_loop : bool
        Whether the values follow the labels row by row.
    pairs : list of (int, str)
        Number and value of each label that has its value beside it, while the file is read.
    """

    path: Path
    labels: list[str] = field(default_factory=list)
    rows: list[tuple[int, str]] = field(default_factory=list)
    is_loop: bool = False
    pairs: list[tuple[int, str]] = field(default_factory=list, repr=False)

    def columns(self, names: Sequence[str]) -> list[tuple[str, ...]]:
        """Return the values of some columns, a tuple for each row.

        Raises
        ------
        StarRowError
            ``D01`` for a row of more or fewer values than there are columns.
        """
        places, width = [self.labels.index(name) for name in names], len(self.labels)
        found = []
        for number, row in self.rows:
            values = split_row(row)
            if len(values) != width:
                raise self._uneven(number, values)
            chosen = tuple([values[place] for place in places])
            if any(is_no_name(value) for value in chosen):
                raise self._nameless(number, chosen)
            found.append(chosen)
        return found

    def _nameless(self, number: int, values: Sequence[str]) -> StarRowError:
        longest = max(values, key=is_no_name)
        problem = f"line {number} has a name no file can have, {len(longest):,} letters: {longest[:40]!r}"
        return StarRowError("D01", self.path, problem, fix="Copy the STAR file again")

    def _uneven(self, number: int, values: Sequence[str]) -> StarRowError:
        words = printable(" ".join(values)[:80])
        problem = f"line {number} has {len(values)} of {len(self.labels)} values: {words}"
        fix = "Copy the STAR file again, and put names with spaces in quotes"
        return StarRowError("D01", self.path, problem, fix=fix)


def read_tables(path: Path) -> list[StarTable]:
    """Return the blocks of a STAR file.

    Raises
    ------
    MicrographError
        ``F49``, ``F50`` when the file cannot be read.
    """
    lines = text_of(path).split("\n")
    tables = [StarTable(path)]
    for number, line in enumerate(map(str.strip, lines), 1):
        if not line or line[0] == "#":
            continue
        if line[0] in "dD" and BLOCK.fullmatch(line):
            tables.append(StarTable(path))
        elif line[0] in "lL" and line[:5].lower() == "loop_" and not split_row(line[5:]):
            tables.append(StarTable(path, is_loop=True))
        else:
            _add(tables[-1], number, line)
    for table in (one for one in tables if one.pairs):
        numbers, values = zip(*table.pairs, strict=True)
        table.rows.append((numbers[-1], "\n".join(values)))
        table.pairs.clear()
    return tables


def text_of(path: Path) -> str:
    """Return the text of a STAR file; errors as of `read_tables`."""
    text = bytes_of(path, MOST_BYTES).decode("utf-8-sig", "surrogateescape")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def having(tables: Iterable[StarTable], names: Sequence[str]) -> StarTable | None:
    """Return the first table that has all these columns."""
    return next((table for table in tables if set(names) <= set(table.labels)), None)


def _add(table: StarTable, number: int, line: str) -> None:
    """Take a line for a row or for a label, which outside loops has its value beside it."""
    if line[0] != "_" or (table.is_loop and table.rows):
        table.rows.append((number, line))
        return
    label, *value = line.split(None, 1)
    table.labels.append(label[1:])
    if not table.is_loop and value and split_row(value[0]):
        table.pairs.append((number, value[0]))


def split_row(row: str) -> list[str]:
    """Return values parted by white space, some of them in quotes, without the comment at the end."""
    if "'" not in row and '"' not in row and "#" not in row:
        return row.split()
    return [single or double or bare for single, double, comment, bare in TOKEN.findall(row) if not comment]


def is_no_name(value: str) -> bool:
    """Whether no file system has a file of such a name."""
    parts = [value] if len(value) < SHORT else value.split("/")
    return (
        "\0" in value or len(value) > LONGEST_PATH or any(len(os.fsencode(p)) > LONGEST_NAME for p in parts)
    )
