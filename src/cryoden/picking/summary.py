"""The table of how well known particles are found, in words and figures, and as files."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from cryoden.errors import printable
from cryoden.io.atomic import atomic_write
from cryoden.io.provenance import VERSION
from cryoden.picking.measure import (
    LOW_PASSES,
    RAW,
    MethodPicked,
    PickingEvent,
    PickingFinished,
    PickingQuestion,
    low_pass_name,
)
from cryoden.picking.precision import REACH
from cryoden.reporting import markdown

HEADS = ("method", "average precision", "recall", "found", "picks", "at known", "random phases")
MEANING = (
    "recall: share of the known particles among as many of the best picks. found: at any place at all. "
    "picks: above the threshold that the program chooses, per micrograph; at known: of them at known "
    "particles; random phases: above it in a picture of the same power spectrum without particles."
)
NO_PROOF = (
    "Higher figures on denoised micrographs mean that this picker finds more of these particles there, not "
    "that they are better particles: what a network does not know is not found either, and a class average "
    "or a reconstruction from raw particles is the test."
)
OF_PICKER = (
    "The given picks have figures of merit: they are those of a picker, not the truth. They favor what they "
    "were picked on, and what differs from them need not be wrong."
)


@dataclass(frozen=True)
class Summary:
    """One method over all micrographs: means, and the standard error of the average precision.

    ``taken`` picks above the threshold, ``true`` of them at known particles, ``by_chance`` with random
    phases; each is a mean over micrographs.
    """

    method: str
    average_precision: float
    error: float
    recall: float
    found: float
    taken: float
    true: float
    by_chance: float
    micrographs: int


@dataclass(frozen=True)
class PickingTable:
    """What is shown, and what it was made with."""

    rows: tuple[Summary, ...]
    notes: tuple[str, ...]
    remarks: tuple[str, ...]
    provenance: dict[str, object]

    heads = HEADS

    @property
    def cells(self) -> list[list[str]]:
        """The rows as texts."""
        return [_cells(row) for row in self.rows]


def table_of(
    events: Iterable[PickingEvent], asked: PickingQuestion, said: Callable[[str], None] = lambda _: None
) -> PickingTable:
    """Follow a measurement to its end, and return its table; ``said`` is called with what is being done."""
    remarks: tuple[str, ...] = ()
    results: tuple[MethodPicked, ...] = ()
    of_picker = False
    for event in events:
        if isinstance(event, PickingFinished):
            remarks, results, of_picker = tuple(map(str, event.remarks)), event.results, event.of_picker
        else:
            said(printable(f"{event.micrograph}: {event.method}"))
    made_with: dict[str, object] = {
        "version": VERSION,
        "picks": [str(path) for path in asked.picks],
        "models": [str(path) for path in asked.models],
        "settings": asdict(asked.settings),
    }
    notes = (_basis(results, asked), MEANING, *([OF_PICKER] if of_picker else []), NO_PROOF)
    return PickingTable(tuple(summaries(results)), notes, remarks, made_with)


def summaries(results: Sequence[MethodPicked]) -> list[Summary]:
    """Return a summary of each method, of low-passes only the one of the highest average precision."""
    by_method: dict[str, list[MethodPicked]] = {}
    for one in results:
        by_method.setdefault(one.method, []).append(one)
    found = {name: _summary(name, ones) for name, ones in by_method.items()}
    tried = [found.pop(low_pass_name(cut)) for cut in LOW_PASSES if low_pass_name(cut) in found]
    if not tried:
        return list(found.values())
    best = max(tried, key=lambda one: np.nan_to_num(one.average_precision))
    named = replace(best, method=f"{best.method}, the best of {len(tried)}")
    return [found.pop(RAW), named, *found.values()]


def write(table: PickingTable, path: Path, *, overwrite: bool = False) -> None:
    """Write all figures where the name ends in ``.json``, else a page, Markdown or HTML.

    Raises
    ------
    OutputError
        ``O02`` to ``O06`` when it cannot be written.
    """
    if path.suffix.lower() != ".json":
        markdown.write(page(table), path, title="Picking", overwrite=overwrite)
        return
    values = asdict(table) | {"rows": [_finite(asdict(row)) for row in table.rows]}
    with atomic_write(path, overwrite=overwrite) as temporary:
        temporary.write_text(json.dumps(values, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def page(table: PickingTable) -> str:
    """Return the table and what is to be said about it as Markdown."""
    lines = ["# Picking", "", _row(HEADS), _row(["---"] * len(HEADS))]
    lines += [_row([markdown.escaped(cell) for cell in row]) for row in table.cells]
    for note in (*table.notes, *table.remarks):
        lines += ["", markdown.escaped(note)]
    return "\n".join([*lines, ""])


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _summary(name: str, ones: Sequence[MethodPicked]) -> Summary:
    known = [one.detection for one in ones if one.detection.known]
    figures = np.array([[one.average_precision, one.recall, one.found] for one in known]).reshape(-1, 3)
    mean = figures.mean(axis=0) if known else np.full(3, np.nan)
    error = float(figures[:, 0].std(ddof=1) / len(known) ** 0.5) if len(known) > 1 else math.nan
    counts = np.array([[one.taken, one.true, one.by_chance] for one in ones]).mean(axis=0)
    precision, recall, found = map(float, mean)
    taken, true, chance = map(float, counts)
    return Summary(name, precision, error, recall, found, taken, true, chance, len(ones))


def _cells(row: Summary) -> list[str]:
    error = f" ±{row.error:.3f}" if math.isfinite(row.error) else ""
    figures = [f"{value:.3f}" if math.isfinite(value) else "–" for value in (row.recall, row.found)]
    precision = f"{row.average_precision:.3f}{error}" if math.isfinite(row.average_precision) else "–"
    counts = [
        f"{value:.1f}" if row.taken or row.by_chance else "–"
        for value in (row.taken, row.true, row.by_chance)
    ]
    return [row.method, precision, *figures, *counts]


def _basis(results: Sequence[MethodPicked], asked: PickingQuestion) -> str:
    of_raw = [one.detection.known for one in results if one.method == RAW]
    plural = "s" if len(of_raw) != 1 else ""
    return (
        f"{sum(of_raw):,} known particles on {len(of_raw):,} micrograph{plural}, of "
        f"{asked.settings.diameter:g} Å; a pick is at one within {REACH * asked.settings.diameter:.0f} Å. "
        "Those nearer to the border than half a diameter do not count."
    )


def _finite(values: dict[str, object]) -> dict[str, object]:
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in values.items()
    }
