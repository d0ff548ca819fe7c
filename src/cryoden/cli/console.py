"""What a run looks like on a terminal, or as one JSON object a line for machines."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Column, Table
from rich.text import Text

from cryoden.errors import Remark, printable
from cryoden.events.batch import (
    BatchEvent,
    BatchFinished,
    FileFailed,
    FileFinished,
    FileSkipped,
    FileThinned,
    WorkersStarted,
)
from cryoden.events.batch_progress import BatchProgress, summary
from cryoden.events.batch_summary import COLUMNS, BatchSummary
from cryoden.events.closing import closed, ended

Event = TypeVar("Event")


class Terminal(Console):
    """A terminal that shows names as text, and says when nobody listens any more.

    Whatever a name holds, no escape sequence reaches the terminal, and ``:x:`` is no picture.
    """

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, emoji=False)

    def print(self, *objects: Any, **how: Any) -> None:
        """Print what `rich.console.Console.print` would, its text made printable."""
        super().print(*(_printable(one) if isinstance(one, str) else one for one in objects), **how)

    def on_broken_pipe(self) -> None:
        """Raise what a plain print would have raised."""
        self.quiet = True
        raise BrokenPipeError


UNPRINTED = {"weights", "data", "past", "arrays", "values"}  # of an event
LEAST_NAME = 12  # letters of a name in a line, however many figures stand beside it
MANY = 500  # rows beyond which a table is not folded to the terminal's width, which takes most of the time
OUT = Terminal()
ERR = Terminal(stderr=True)


def _printable(text: str) -> str:
    return "\n".join(map(printable, text.split("\n")))


def print_json(kind: str, values: Mapping[str, Any]) -> None:
    """Print one JSON object on one line; no NaN, no arrays, paths as text."""
    print(json.dumps({"event": kind, **_plain(values)}, allow_nan=False), flush=True)  # noqa: T201 - the output


def _plain(value: Any) -> Any:
    value = asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
    if isinstance(value, Mapping):
        shown = {key: item for key, item in value.items() if key not in UNPRINTED or isinstance(item, int)}
        return {str(key): _plain(item) for key, item in shown.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value


def _print_event(event: Any) -> None:
    """Print one event as JSON; weights and pixels are left out."""
    print_json(type(event).__name__, vars(event))


def follow_batch(events: Iterable[BatchEvent], *, as_json: bool) -> BatchFinished:
    """Print a batch as it runs and return how it ended."""
    return ended(printed(events) if as_json else _shown_batch(events), BatchFinished)


def printed(events: Iterable[Event]) -> Iterator[Event]:
    """Pass events on, each printed as JSON."""
    with closed(events):
        for event in events:
            _print_event(event)
            yield event


@contextmanager
def bar() -> Iterator[tuple[Progress, Any]]:
    """Give a progress bar and its task, from 0 to 1; silent where nobody can see it move."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=24), TaskProgressColumn())
    with Progress(*columns, console=OUT, transient=True, disable=not OUT.is_terminal) as progress:
        yield progress, progress.add_task("", total=1.0)


@contextmanager
def counter(what: str) -> Iterator[Callable[[int], None]]:
    """Give what shows how many there are so far; silent where nobody can see it."""
    columns = (TextColumn("{task.description} {task.completed:,.0f}"),)
    with Progress(*columns, console=OUT, transient=True, disable=not OUT.is_terminal) as progress:
        task = progress.add_task(what)
        yield lambda number: progress.update(task, completed=number)


def _shown_batch(events: Iterable[BatchEvent]) -> Iterator[BatchEvent]:
    """Pass events on, a line printed for each file above a bar."""
    tally, whole = BatchProgress(), BatchSummary()
    with bar() as (progress, task), closed(events):
        for event in events:
            tally.add(event)
            whole.add(event)
            progress.update(task, completed=tally.progress, description=tally.status_line())
            _show_file(event, whole)
            yield event


def follow_share(what: str, shares: Iterable[float]) -> None:
    """Show how much of something is done, 0 to 1, until all is."""
    with bar() as (progress, task):
        for share in shares:
            progress.update(task, completed=share, description=what)


def _show_file(event: BatchEvent, whole: BatchSummary) -> None:
    if isinstance(event, FileFailed):
        ERR.print(event.message, style="red", soft_wrap=True, markup=False)
    elif isinstance(event, FileFinished):
        OUT.print(f"{printable(event.output)}  ({event.seconds:.1f} s)", soft_wrap=True, markup=False)
        show_remarks(f"  {printable(event.path.name)}: {warning}" for warning in event.warnings)
    elif isinstance(event, FileSkipped):
        how = "already done, from the sum of both halves" if event.of_halves else "already done"
        OUT.print(f"{printable(event.output)}  ({how})", soft_wrap=True, markup=False)
    elif isinstance(event, FileThinned):
        _show_halves(event)
    elif isinstance(event, WorkersStarted):
        show_workers(event)
    elif isinstance(event, BatchFinished):
        show_table(COLUMNS, list(whole.rows()) if whole.says_more else [])
        OUT.print(summary(event), soft_wrap=True, markup=False)


def show_workers(event: WorkersStarted) -> None:
    """Print who does the work, apart from the results."""
    words = f"Workers: {printable(event.where)}"
    ERR.print(
        words + (f"; dashboard: {event.dashboard}" if event.dashboard else ""), soft_wrap=True, markup=False
    )


def _show_halves(event: FileThinned) -> None:
    pair, found = f"{printable(event.even)} and {printable(event.odd.name)}", event.evidence
    OUT.print(f"{pair}  ({event.seconds:.1f} s)", soft_wrap=True, markup=False)
    OUT.print(f"  {found.summary}", soft_wrap=True, markup=False)


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, figures: bool = False) -> None:
    """Print a table; nothing where there are no rows. Figures stand under each other, names fold first."""
    if not rows:
        return
    if len(rows) > MANY:
        _print_plain([columns, *rows])
        return
    first, *others = columns
    style: dict[str, Any] = {"justify": "right", "no_wrap": True} if figures else {"overflow": "fold"}
    least = min(LEAST_NAME, max(len(row[0]) for row in rows)) if figures else None
    named = Column(plain(first), overflow="fold", min_width=least)
    table = Table(named, *(Column(plain(name), **style) for name in others), box=None, pad_edge=False)
    table.collapse_padding = figures
    for row in rows:
        table.add_row(*map(plain, row))
    OUT.print(table)


def _print_plain(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print(_printable(line).rstrip())  # noqa: T201 - the output


def plain(text: str) -> Text:
    """Return text as it is, with neither markup nor escape sequences."""
    return Text(_printable(text))


def show_remarks(remarks: Iterable[Remark | str]) -> None:
    """Print sentences about what is odd, one a line, apart from the results."""
    for remark in remarks:
        ERR.print(str(remark), style="yellow", soft_wrap=True, markup=False)


def print_rows(kind: str, rows: Iterable[Any]) -> None:
    """Print dataclasses as JSON, one a line."""
    for row in rows:
        print_json(kind, asdict(row))
