"""What files are, and which of them are halves, on a terminal or as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from cryoden.cli import console
from cryoden.dataset import folder_walk, survey
from cryoden.errors import SettingsError, printable
from cryoden.settings.reading import ReadingSettings

T = TypeVar("T")


def show(paths: Sequence[Path], reading: ReadingSettings, *, as_json: bool) -> bool:
    """Print what there is and return whether all of it can be read.

    Raises
    ------
    SettingsError
        D01 when there is nothing.
    CryodenError
        For a STAR file that cannot be used, or halves without their partner.
    """
    files = _followed("reading headers", survey.files(paths, reading))
    left_out = folder_walk.left_out_below(paths)
    if not files:
        problem = f"0 micrographs in {', '.join(map(printable, paths))}"
        raise SettingsError("D01", None, problem + (left_out and f"; {left_out}"))
    names = _names([file.path for file in files])
    _table(
        "file",
        survey.FILE_COLUMNS,
        files,
        lambda file: (names[file.path], *survey.Surveyed.row(file)[1:]),
        as_json=as_json,
    )
    if not as_json:
        console.show_remarks(remark for file in files for remark in file.remarks())
        console.show_remarks([left_out] if left_out else [])
    pairs = _followed(
        "checking pairs", survey.pairs(paths, reading)
    )  # after the files: it may end in an error
    where = _names([pair.even.with_name(pair.name) for pair in pairs])
    _table(
        "pair",
        survey.PAIR_COLUMNS,
        pairs,
        lambda pair: (where[pair.even.with_name(pair.name)], *survey.Pairing.row(pair)[1:]),
        as_json=as_json,
    )
    if len(pairs) > survey.MOST and not as_json:
        words = f"{survey.MOST:,} of {len(pairs):,} pairs were checked, evenly spread; a training checks all"
        console.show_remarks([words])
    return all(file.facts is not None for file in files)


def _names(paths: Sequence[Path]) -> dict[Path, str]:
    """Return the plain name of each file, or its path where two share the name."""
    count = Counter(path.name for path in set(paths))
    return {path: printable(path.name if count[path.name] == 1 else path) for path in paths}


def show_outside(lists: Sequence[Path]) -> None:
    """Print which of these lists lead out of their projects, before any file is read."""
    console.show_remarks(survey.outside_projects(lists))


def _followed(what: str, found: Iterable[T]) -> list[T]:
    """Return all that is found, counted as it comes."""
    with console.counter(what) as count:
        return list(_counted(found, count))


def _counted(found: Iterable[T], count: Callable[[int], None]) -> Iterator[T]:
    for number, one in enumerate(found, start=1):
        count(number)
        yield one


def _table(
    kind: str,
    columns: Sequence[str],
    rows: Sequence[T],
    row: Callable[[T], tuple[str, ...]],
    *,
    as_json: bool,
) -> None:
    if as_json:
        console.print_rows(kind, rows)
    else:
        console.show_table(columns, [row(one) for one in rows])
