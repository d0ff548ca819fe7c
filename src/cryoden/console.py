"""What a run looks like on a terminal, or as one JSON object a line for machines."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Column, Table

from cryoden.errors import printable
from cryoden.events import (
    BatchEvent,
    BatchFinished,
    EpochFinished,
    FileFailed,
    FileFinished,
    FileStarted,
    PhaseStarted,
    StepFinished,
    TileFinished,
    TrainingEvent,
    TrainingFinished,
    TrainingStarted,
)
from cryoden.history import History, clock

Event = TypeVar("Event")


class Terminal(Console):
    """A terminal that says when nobody listens any more, in place of ending the program."""

    def on_broken_pipe(self) -> None:
        """Raise what a plain print would have raised."""
        self.quiet = True
        raise BrokenPipeError


OUT = Terminal(highlight=False)
ERR = Terminal(stderr=True, highlight=False)


def print_json(kind: str, values: Mapping[str, Any]) -> None:
    """Print one JSON object on one line; no NaN, no arrays, paths as text."""
    print(json.dumps({"event": kind, **_plain(values)}, allow_nan=False), flush=True)  # noqa: T201 - the output


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items() if key not in {"weights", "data"}}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value


def _print_event(event: Any) -> None:
    """Print one event as JSON; weights and pixels are left out."""
    plain = {name: _plain_dataclass(value) for name, value in vars(event).items()}
    print_json(type(event).__name__, plain)


def _plain_dataclass(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def follow_training(events: Iterable[TrainingEvent], *, as_json: bool) -> TrainingFinished:
    """Print a run as it goes on and return how it ended."""
    for event in _printed(events) if as_json else _shown(events):
        if isinstance(event, TrainingFinished):
            return event
    raise AssertionError("a run always ends with TrainingFinished")


def follow_batch(events: Iterable[BatchEvent], *, as_json: bool) -> BatchFinished:
    """Print a batch as it goes on and return how it ended."""
    for event in _printed(events) if as_json else _shown_batch(events):
        if isinstance(event, BatchFinished):
            return event
    raise AssertionError("a batch always ends with BatchFinished")


def _printed(events: Iterable[Event]) -> Iterator[Event]:
    for event in events:
        _print_event(event)
        yield event


@contextmanager
def _bar() -> Iterator[tuple[Progress, Any]]:
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), TaskProgressColumn())
    with Progress(*columns, console=OUT, transient=True, disable=not OUT.is_terminal) as progress:
        yield progress, progress.add_task("", total=1.0)


def _shown(events: Iterable[TrainingEvent]) -> Iterator[TrainingEvent]:
    """Pass events on, a line printed for each epoch above a bar."""
    history = History()
    with _bar() as (progress, task):
        for event in events:
            history.add(event)
            _show_training_event(event)
            done = history.last.progress if history.last else 0.0
            progress.update(task, completed=done, description=history.status_line())
            yield event


def _show_training_event(event: TrainingEvent) -> None:
    match event:
        case PhaseStarted():
            OUT.print(f"[dim]{event.phase} …[/dim]")
        case TrainingStarted():
            _show_start(event)
        case EpochFinished():
            _show_epoch(event)
        case TrainingFinished():
            OUT.print(
                f"{event.message} ({clock(event.elapsed)})",
                style="" if event.reason == "completed" else "yellow",
            )
        case StepFinished():
            pass


def _show_start(event: TrainingStarted) -> None:
    at = event.references
    show_remarks(event.warnings)
    OUT.print(f"{event.settings.network}, {event.parameters:,} weights, {event.precision} on {event.device}")
    own = "the micrographs' own pixels"
    pixels = f"pixels of {event.working_pixel:.3g} Å" if event.working_pixel else own
    OUT.print(f"works on {pixels}, patches of {event.patch} px")
    OUT.print(f"trains on {_listed(event.training)}; held out: {_listed(event.validation)}")
    OUT.print(
        f"held-out loss of doing nothing {at.identity:.4f}, a constant {at.constant:.4f}, "
        f"the best linear filter {at.linear:.4f}" + (f", the noise floor {at.floor:.4f}" if at.floor else "")
    )
    OUT.print("[bold]epoch   time   training  validation  r(denoised, target)[/bold]")


def _listed(names: tuple[str, ...], shown: int = 3) -> str:
    more = f" and {len(names) - shown:,} more" if len(names) > shown else ""
    return escape(printable(", ".join(names[:shown]) + more))


def _show_epoch(event: EpochFinished) -> None:
    trained = "       –" if math.isnan(event.train_loss) else f"{event.train_loss:8.5f}"
    mark = "  best" if event.weights is not None else "  fallen" if event.fallen else ""
    judged = f"{event.validation_loss:8.5f}  {event.correlation:8.4f}{mark}"
    OUT.print(f"{event.epoch:5d} {clock(event.elapsed):>7}  {trained}    {judged}")


def _shown_batch(events: Iterable[BatchEvent]) -> Iterator[BatchEvent]:
    """Pass events on, a line printed for each file above a bar."""
    at = FileStarted(Path(), 0, 1)
    with _bar() as (progress, task):
        for event in events:
            at = event if isinstance(event, FileStarted) else at
            share = event.done / event.total if isinstance(event, TileFinished) else 0.0
            progress.update(task, completed=(at.index + share) / at.total, description=_position(at))
            _show_file(event)
            yield event


def _show_end(event: BatchFinished) -> None:
    untried = f", {event.untried:,} not tried: too many failed" if event.untried else ""
    OUT.print(f"{event.finished:,} denoised, {len(event.failed):,} failed{untried} ({clock(event.seconds)})")


def _position(at: FileStarted) -> str:
    return f"{at.index + 1}/{at.total} {escape(printable(at.path.name))}"


def _show_file(event: BatchEvent) -> None:
    if isinstance(event, FileFailed):
        ERR.print(event.message, style="red", soft_wrap=True, markup=False)
    elif isinstance(event, FileFinished):
        OUT.print(f"{printable(event.output)}  ({event.seconds:.1f} s)", soft_wrap=True, markup=False)
        show_remarks(f"  {printable(event.path.name)}: {warning}" for warning in event.warnings)
    elif isinstance(event, BatchFinished):
        _show_end(event)


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; nothing where there are no rows."""
    if not rows:
        return
    table = Table(*(Column(name, overflow="fold") for name in columns), box=None, pad_edge=False)
    for row in rows:
        table.add_row(*map(escape, row))
    OUT.print(table)


def show_remarks(remarks: Iterable[str]) -> None:
    """Print sentences about what is odd, one a line, apart from the results."""
    for remark in remarks:
        ERR.print(remark, style="yellow", soft_wrap=True, markup=False)


def print_rows(kind: str, rows: Iterable[Any]) -> None:
    """Print dataclasses as JSON, one a line."""
    for row in rows:
        print_json(kind, asdict(row))
