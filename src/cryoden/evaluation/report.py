"""An evaluation as one HTML page to look at: no script, nothing loaded from anywhere.

First verdicts in words, then pictures, curves, numbers, and how they are computed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from markupsafe import Markup

from cryoden.evaluation.columns import band_columns, columns
from cryoden.evaluation.conclusions import MARKS, Status, conclusions
from cryoden.evaluation.scores import Row, Table
from cryoden.io.atomic import atomic_write
from cryoden.reporting.html_page import filled
from cryoden.reporting.svg_charts import Axes, Bar, Line, bars, chart
from cryoden.reporting.thumbnails import Picture, Shows

BETTER: dict[Status, str] = {
    "good": "better than simple filters",
    "doubtful": "no better than a simple filter",
    "bad": "worse than a simple filter",
    "unknown": "",
}
TRUSTED: dict[Status, str] = {
    "good": "no warnings",
    "doubtful": "check the warnings",
    "bad": "do not trust it",
    "unknown": "not enough data",
}
SHOWS: dict[Shows, str] = {"image": "", "difference": " residual", "disagreement": " even vs. odd"}
SLOPES = 3  # shells whose correlation is that of illumination, and may leave the chart
BAR = 0.25  # of a picture's width, at most, for the scale bar


def write(table: Table, pictures: Sequence[Picture], path: Path, *, overwrite: bool = False) -> None:
    """Publish the page.

    Raises
    ------
    OutputError
        O02 to O06 when it cannot be written there.
    """
    with atomic_write(path, overwrite=overwrite) as temporary:
        temporary.write_text(page(table, pictures), encoding="utf-8")


def page(table: Table, pictures: Sequence[Picture]) -> str:
    """Return the whole page.

    Parameters
    ----------
    table : Table
        What was found.
    pictures : sequence of Picture
        Of the first pair, in the order of the table's rows.
    """
    chosen = [one for one in pictures if one.name in {row.name for row in _shown(table)}]
    return filled(
        __package__,
        "report.html",
        title="Evaluation of denoised micrographs",
        table=table,
        pairs=table.raw.pairs,
        conclusions=conclusions(table),
        marks=MARKS,
        better=BETTER,
        trusted=TRUSTED,
        shows=SHOWS,
        images=[one for one in chosen if one.shows == "image"],
        doubts=[one for one in chosen if one.shows != "image"],
        scale=_scale,
        gains=partial(_gains, table),
        ring=partial(_ring, table),
        decades=partial(_decades, table),
        columns=columns(table),
        by_band=band_columns(table),
        assessed=table.assessed(),
        provenance=json.dumps(table.provenance, indent=1, ensure_ascii=False),
    )


def _shown(table: Table) -> list[Row]:
    """Return the rows worth a picture and a curve: of the low-passes only the best."""
    best = table.best_low_pass()
    return [row for row in table.rows if row.kind != "low-pass" or row is best]


def _gains(table: Table, title: str, which: str) -> Markup:
    def gain(row: Row) -> float | None:
        if which == "truth":
            return row.mean.truth_db
        return table.gain_db(row, "coarse" if which == "coarse" else "detail")

    return bars(title, "dB", [Bar(row.name, place, gain(row)) for place, row in enumerate(_shown(table))])


def _scale(picture: Picture) -> float:
    """Return the length of a picture's scale bar, in its unit."""
    lengths = (500, 200, 100, 50, 20, 10, 5, 2)
    longest = BAR * picture.span
    return next((length for length in lengths if length <= longest), longest)


def _lines(table: Table, which: str) -> list[Line]:
    return [
        Line(row.name, place, row.curves.frequencies, getattr(row.curves, which))
        for place, row in enumerate(_shown(table))
    ]


def _ring(table: Table, title: str, which: str) -> Markup:
    lines = _lines(table, which)
    most = max((y for line in lines for y in line.y[SLOPES:] if y is not None), default=1.0)
    high = next(edge for edge in (0.1, 0.2, 0.5, 1.0) if most <= edge or edge == 1.0)
    mark = 1 / 7 if high > 1 / 7 else None
    return chart(Axes(title, "FRC", table.unit, -high / 10, high, mark=mark), lines)


def _decades(table: Table, title: str, label: str, which: str) -> Markup:
    lines = _lines(table, which)
    values = [y for line in lines for y in line.y if y is not None and y > 0]
    most = max(values, default=1.0)
    least = max(min(values, default=most / 10), most / 1e6)
    return chart(Axes(title, label, table.unit, least / 1.5, most * 1.5, log=True), lines)
