"""An evaluation as one HTML page to look at: no script, nothing loaded from anywhere.

First what it means in words, then pictures, then curves, then figures, then how they are made.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

from cryoden.evaluation.columns import Column, columns
from cryoden.evaluation.conclusions import MARKS, MethodConclusion, Status, conclusions
from cryoden.evaluation.scores import Row, Table
from cryoden.io.atomic import atomic_write
from cryoden.reporting import html_page as sheet
from cryoden.reporting.svg_charts import Axes, Bar, Line, bars, chart
from cryoden.reporting.thumbnails import Picture, Shows

BETTER: dict[Status, str] = {
    "good": "better than simple filters",
    "doubtful": "no better than a simple filter",
    "bad": "worse than a simple filter",
    "unknown": "",
}
BELIEVED: dict[Status, str] = {
    "good": "nothing speaks against it",
    "doubtful": "look twice",
    "bad": "do not believe it",
    "unknown": "too little is known",
}
SHOWS: dict[Shows, str] = {"image": "", "difference": " taken away", "disagreement": " even against odd"}
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
    parts = [_verdicts(table), _pictures(table, pictures), _doubts(table, pictures), _charts(table)]
    parts += [_figures(table), _sources(table), _made_with(table)]
    return sheet.page("Evaluation of denoised micrographs", _head(table) + "".join(parts))


def _section(title: str, words: str, content: str) -> str:
    """Return a section, or nothing where it would be empty."""
    said = f"<p>{escape(words)}</p>" if words else ""
    return f"<section><h2>{title}</h2>{said}{content}</section>" if content else ""


def _head(table: Table) -> str:
    pairs = len(table.raw.pairs)
    about = (
        f"{pairs:,} pair{'s' if pairs > 1 else ''} of halves, {table.pixels:,} pixels in each half. "
        f"The raw halves correlate by r = {table.r_half:z.4f}: {100 * table.r_half:.1f} % of a half is "
        f"signal, the rest is noise. {table.provenance.get('time', '')[:10]}"
    )
    return f'<h1>Can these denoised micrographs be believed?</h1><p class="soft">{escape(about)}</p>'


def _verdicts(table: Table) -> str:
    cards = "".join(map(_card, conclusions(table)))
    words = (
        "What each method wins over a raw half, estimated from the halves: blurring, losing signal and "
        "inventing all count against it, and so does leaving out the ice, which the halves share."
    )
    if table.spread is not None:
        words += (
            f" The models differ from each other by {100 * table.spread:.0f} % of the contrast of what they "
            "show: details weaker than that may be chance."
        )
    won = [
        _gains(
            "Structures from 20 Å to 400 px, where particles are", table, lambda r: table.gain_db(r, "coarse")
        ),
        _gains("All structures up to 400 px", table, table.gain_db),
    ]
    if table.raw.mean.truth_db is not None:
        won.append(_gains("Against the truth", table, lambda row: row.mean.truth_db))
    charts = f'<div class="charts">{"".join(won)}</div>'
    return f'<div class="cards">{cards}</div>{_section("Signal-to-noise ratio won", words, charts)}'


def _gains(title: str, table: Table, gain: Callable[[Row], float | None]) -> str:
    return bars(title, "dB", [Bar(row.name, _color(table, row), gain(row)) for row in _shown(table)])


def _card(verdict: MethodConclusion) -> str:
    items = "".join(
        f'<li class="{one.status}"><span>{one.mark}</span><div>{escape(one.words)}</div></li>'
        for one in verdict.findings
    )
    pills = _pill(verdict.better.status, BETTER) + _pill(verdict.believable, BELIEVED)
    return (
        f'<article class="card {verdict.status}"><h3><span class="mark">{verdict.mark}</span>'
        f'{escape(verdict.name)}</h3><p class="pills">{pills}</p>'
        f'<p class="first">{escape(verdict.better.words)}</p><ul>{items}</ul></article>'
    )


def _pill(status: Status, says: dict[Status, str]) -> str:
    return f'<span class="says {status}">{MARKS[status]} {says[status]}</span> '


def _shown(table: Table) -> list[Row]:
    """Return the rows worth a picture and a curve: of the low-passes only the best."""
    best = table.best_low_pass()
    return [row for row in table.rows if row.kind != "low-pass" or row is best]


def _color(table: Table, row: Row) -> int:
    return _shown(table).index(row)


def _pictures(table: Table, pictures: Sequence[Picture]) -> str:
    words = (
        f"The center of {next(iter(table.raw.pairs))}, even half. Each picture runs from its mean − 3 σ "
        "(black) to its mean + 3 σ (white), so the gray of one is not that of another."
    )
    found = "".join(_picture(table, one) for one in _chosen(table, pictures) if one.shows == "image")
    layout = "two" if found.count("<figure>") in {2, 4} else "three"
    return _section("Side by side", words, found and f'<div class="pictures {layout}">{found}</div>')


def _doubts(table: Table, pictures: Sequence[Picture]) -> str:
    words = (
        "Left, what was taken away, from − 3 σ (blue) to + 3 σ (orange): it should look like noise, without "
        "particles. Right, where even and odd half disagree: dark where they are equal, bright where they "
        "have nothing in common."
    )
    found = "".join(_picture(table, one) for one in _chosen(table, pictures) if one.shows != "image")
    return _section("What to doubt", words, found and f'<div class="pictures pairs">{found}</div>')


def _chosen(table: Table, pictures: Sequence[Picture]) -> list[Picture]:
    names = [row.name for row in _shown(table)]
    return [one for one in pictures if one.name in names]


def _picture(table: Table, one: Picture) -> str:
    length = next(
        (size for size in (500, 200, 100, 50, 20, 10, 5, 2) if size <= BAR * one.span), one.span * BAR
    )
    width = 100 * length / one.span
    scale = f'<div class="scale" style="width:{width:.1f}%"><i>{length:g} {table.unit}</i></div>'
    name = escape(one.name)
    image = f'<div class="picture"><img alt="{name}: {one.shows}" src="{one.uri()}">{scale}</div>'
    return f"<figure><figcaption><b>{name}</b>{SHOWS[one.shows]}</figcaption>{image}</figure>"


def _charts(table: Table) -> str:
    frc, snr, power, truth = (_lines(table, which) for which in ("frc", "snr", "power", "truth"))
    parts = [
        chart(_ring("Ring correlation with the other raw half", table, frc), frc),
        chart(_decades("Signal over error, shell by shell", "ratio", table, snr), snr),
        chart(_decades("Power that is left", "power (a raw half = 1)", table, power), power),
        chart(_ring("Ring correlation with the truth", table, truth), truth),
    ]
    words = (
        "By wavelength, coarse to fine. In the first chart a filter that treats directions alike lies on the "
        "raw curve: what lies above it knows more than frequencies. Error is noise left and signal lost "
        "together; shells without signal are left out."
    )
    return _section("Curves", words, f'<div class="charts">{"".join(parts)}</div>')


def _lines(table: Table, which: str) -> list[Line]:
    return [
        Line(row.name, _color(table, row), row.curves.frequencies, getattr(row.curves, which))
        for row in _shown(table)
    ]


def _ring(title: str, table: Table, lines: Sequence[Line]) -> Axes:
    most = max((y for line in lines for y in line.y[SLOPES:] if y is not None), default=1.0)
    high = next(edge for edge in (0.1, 0.2, 0.5, 1.0) if most <= edge or edge == 1.0)
    return Axes(title, "correlation", table.unit, -high / 10, high, mark=1 / 7 if high > 1 / 7 else None)


def _decades(title: str, label: str, table: Table, lines: Sequence[Line]) -> Axes:
    values = [y for line in lines for y in line.y if y is not None and y > 0]
    most = max(values, default=1.0)
    least = max(min(values, default=most / 10), most / 1e6)
    return Axes(title, label, table.unit, least / 1.5, most * 1.5, log=True)


def _figures(table: Table) -> str:
    head = "".join(f"<th>{escape(column.title)}</th>" for column in columns(table))
    judged = table.judged()
    rows = "".join(_row(table, row, "judged" if row in judged else "plain") for row in table.rows)
    words = "Means over the pairs. A star marks the best low-pass; what is judged stands out."
    body = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return _section("Figures", words, f'<div class="wide">{body}</div>')


def _row(table: Table, row: Row, kind: str) -> str:
    cells = "".join(f"<td>{escape(column.text(table, row))}</td>" for column in columns(table))
    return f'<tr class="{kind}">{cells}</tr>'


def _sources(table: Table) -> str:
    items = "".join(
        f"<dt>{escape(column.title)}</dt><dd>{escape(column.means)} {_source(column)}</dd>"
        for column in columns(table)
    )
    return _section("How each figure is made", "", f"<dl>{items}</dl>")


def _source(column: Column) -> str:
    return f'<span class="soft">[{escape(column.source)}]</span>' if column.source else ""


def _made_with(table: Table) -> str:
    text = escape(json.dumps(table.provenance, indent=1, ensure_ascii=False))
    return f"<details><summary>Files, models, settings and versions</summary><pre>{text}</pre></details>"
