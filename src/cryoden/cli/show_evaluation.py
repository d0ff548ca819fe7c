"""What an evaluation looks like on a terminal, or as one JSON object a line for machines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from re import sub

from rich.markup import escape
from rich.table import Table as Grid

from cryoden.cli.console import OUT, bar, plain, print_json, show_table, show_workers
from cryoden.errors import printable
from cryoden.evaluation.columns import columns
from cryoden.evaluation.conclusions import MethodConclusion, Status, conclusions
from cryoden.evaluation.evaluate import (
    EvaluationEvent,
    EvaluationFinished,
    EvaluationStarted,
    MethodScored,
    MethodStarted,
)
from cryoden.evaluation.scores import Table
from cryoden.events.batch import TileFinished, WorkersStarted
from cryoden.events.closing import ended
from cryoden.events.history import clock

HYPHENS = {"calibration": "calibra-tion", "hallucinated": "halluci-nated"}
STYLES: dict[Status, str] = {"good": "blue", "doubtful": "yellow", "bad": "bold red", "unknown": "dim"}


def follow(events: Iterable[EvaluationEvent], *, as_json: bool) -> EvaluationFinished:
    """Print an evaluation as it runs and return how it ended."""
    return ended(_printed(events) if as_json else _shown(events), EvaluationFinished)


def _printed(events: Iterable[EvaluationEvent]) -> Iterator[EvaluationEvent]:
    for event in events:
        if isinstance(event, MethodScored | EvaluationStarted | WorkersStarted):
            print_json(type(event).__name__, asdict(event))
        elif isinstance(event, EvaluationFinished):
            print_json("EvaluationFinished", event.table.as_json() | {"seconds": event.seconds})
        yield event


def _shown(events: Iterable[EvaluationEvent]) -> Iterator[EvaluationEvent]:
    at = MethodStarted("", "", 0, 1)
    with bar() as (progress, task):
        for event in events:
            at = event if isinstance(event, MethodStarted) else at
            share = event.done / event.total if isinstance(event, TileFinished) else 0.0
            words = printable(f"{at.pair}: {at.method}")
            progress.update(task, completed=(at.index + share) / at.total, description=words)
            _show_end(event)
            yield event


def _show_end(event: EvaluationEvent) -> None:
    if isinstance(event, WorkersStarted):
        show_workers(event)
    if not isinstance(event, EvaluationFinished):
        return
    table = event.table
    chosen = [column for column in columns(table) if column.brief]
    rows = [[column.text(table, row) for column in chosen] for row in table.rows]
    show_table([_heading(column.title) for column in chosen], rows, figures=True)
    OUT.print(f"[dim]{escape(_basis(table))} ({clock(event.seconds)})[/dim]", soft_wrap=True)
    for verdict in conclusions(table):
        OUT.print(f"\n[bold]{escape(printable(verdict.name))}[/bold]")
        OUT.print(_findings(verdict))


def _heading(title: str) -> str:
    """Return a title one word a line, so that all columns fit on 80 letters."""
    for word, parts in HYPHENS.items():
        title = title.replace(word, parts)
    return sub(r"(?<=-)| ", "\n", title)


def _findings(verdict: MethodConclusion) -> Grid:
    """Return mark and words side by side, so that long words keep their indent."""
    grid = Grid.grid(padding=(0, 1))
    for one in (verdict.better, *verdict.findings):
        grid.add_row("", one.mark, plain(one.words), style=STYLES[one.status])
    return grid


def _basis(table: Table) -> str:
    pairs = len(table.raw.pairs)
    plural = "s" if pairs > 1 else ""
    return (
        f"{pairs:,} half-set pair{plural}, {table.pixels:,} pixels, CC of the raw halves {table.r_half:z.4f}"
    )
