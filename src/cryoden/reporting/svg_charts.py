"""Charts as inline SVG: no script, no outside file, colors from the page, the same bytes each time.

Lines differ in color, dash and label at once, so that no reading depends on color alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from typing import Any
from warnings import catch_warnings, filterwarnings

from markupsafe import Markup

from cryoden.errors import printable

WIDTH, HEIGHT = 560, 346  # px
BAR_HEIGHT = 30  # px for one bar
LONGEST = 32  # letters of a label beside a chart
COLUMNS, ROW_HEIGHT = 4, 18  # of a legend, at most; px
DASHES = (
    "-", (0, (3, 1.4)), (0, (1, 1.4)), (0, (4, 1.4, 1, 1.4)),
    (0, (0.5, 1)), (0, (5.5, 1.8)), (0, (2, 1, 0.5, 1)), (0, (3, 3)),
)  # fmt: skip
WAVELENGTHS = (200, 100, 50, 30, 20, 15, 10, 8, 6, 5, 4, 3, 2.5, 2, 1.5, 1.2, 1)
NEAREST = 0.055  # of the axis, between two ticks
# Stand-ins for the page's own colors, which change with its theme and on paper.
THEME = {f"#ab00{number:02d}": f"var(--c{number})" for number in range(8)}
INK, SOFT, GRID = "#ab0010", "#ab0011", "#ab0012"
THEME |= {INK: "var(--ink)", SOFT: "var(--soft)", GRID: "var(--line)"}
# What a file needs, and a page does not: its head, names of parts, a style for all of it, long numbers.
SPARE = (
    (r"\A.*?<svg [^>]*(viewBox=[^ ]+ [^ ]+ [^ ]+ [^ >]+)[^>]*>", r'<svg \1 role="img">'),
    (r"<style.*?</style>|<metadata>.*?</metadata>|<!--.*?-->", ""),
    (
        r' id="[a-z]+[a-z0-9.]*_\d+"|font-family: [^;"]*; ?|font-size: 12px; ?| transform="rotate\(-0[^"]*"',
        "",
    ),
    (r"(\d\.\d)\d+(?=[^<>]*>)", r"\1"),
    (r"(?<=[\d.]) *\n(?=[LMz\"])|\n *(?=<)|<defs>\s*</defs>|<g/>", ""),
    (r"<g>((?:(?!</?g\b).)*)</g>", r"\1"),
)
STYLE: Any = {  # matplotlib types its keys one by one, and its stubs are not there everywhere
    "svg.fonttype": "none",
    "svg.hashsalt": "cryoden",
    "text.parse_math": False,
    "font.size": 12,
    "text.color": SOFT,
    "axes.labelcolor": SOFT,
    "axes.edgecolor": GRID,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "lines.linewidth": 2.2,
    "lines.scale_dashes": True,
    "path.simplify_threshold": 0.1,
}


@dataclass(frozen=True)
class Line:
    """One curve: its label, its number among the page's colors, and its points."""

    label: str
    color: int
    x: Sequence[float]
    y: Sequence[float | None]


@dataclass(frozen=True)
class Axes:
    """What a chart is about.

    Parameters
    ----------
    title, y_label : str
        Words above the chart and beside its axis.
    unit : str
        Unit of wavelengths, ``"Å"`` or ``"px"``.
    low, high : float
        Ends of the y axis.
    log : bool
        Whether y is logarithmic.
    mark : float or None
        Height of a thin reference line, such as a threshold.
    """

    title: str
    y_label: str
    unit: str
    low: float
    high: float
    log: bool = False
    mark: float | None = None


@dataclass(frozen=True)
class Bar:
    """One method's value, ``None`` where there is none."""

    label: str
    color: int
    value: float | None


def plot_label(name: str) -> str:
    """Return a name as a legend shows it: matplotlib hides those that begin with an underscore."""
    shown = printable(name)
    return f" {shown}" if shown.startswith("_") else shown


@contextmanager
def names_as_they_are() -> Iterator[None]:
    """Draw names as text: a dollar begins no formula, and a letter the font lacks is a box and no warning."""
    from matplotlib import rc_context  # noqa: PLC0415  it takes most of a second

    with rc_context({"text.parse_math": False}), catch_warnings():
        filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def chart(axes: Axes, lines: Sequence[Line]) -> Markup:
    """Return a figure with a chart and its legend as HTML; empty where there is no line."""
    from matplotlib import rc_context  # noqa: PLC0415  it takes most of a second

    drawn = [line for line in lines if any(value is not None for value in line.y)]
    if not drawn:
        return Markup()
    with names_as_they_are(), rc_context(STYLE):
        figure, plot = _figure(HEIGHT)
        for line in drawn:
            y = [math.nan if value is None else min(max(value, axes.low), axes.high) for value in line.y]
            plot.plot(line.x, y, label=plot_label(line.label), clip_on=False, **_look(line.color))
        if axes.mark is not None:
            plot.axhline(axes.mark, color=SOFT, linewidth=1, linestyle=(0, (3, 3)), zorder=1, clip_on=False)
        end = max(max(line.x) for line in drawn)
        at = _ticks(end)
        plot.set(xlabel=f"resolution ({axes.unit})", ylabel=axes.y_label, xlim=(0, end))
        plot.set_xticks([1 / one for one in at], [f"{one:g}" for one in at])
        plot.set(yscale="log" if axes.log else "linear", ylim=(axes.low, axes.high))
        plot.yaxis.set_major_formatter(lambda value, _: f"{value:.3g}")
        plot.minorticks_off()
        plot.grid(clip_on=False)
        _add_legend(figure, len(drawn))
        return _inline(figure, axes.title)


def bars(title: str, unit: str, values: Sequence[Bar]) -> Markup:
    """Return horizontal bars from zero, each with its label and value, as HTML."""
    from matplotlib import rc_context  # noqa: PLC0415  it takes most of a second

    with names_as_they_are(), rc_context(STYLE | {"axes.grid": False}):
        figure, plot = _figure(BAR_HEIGHT * len(values))
        places = range(len(values))
        lengths = [round(bar.value or 0.0, 1) + 0.0 for bar in values]
        low, high = min(0.0, *lengths), max(0.1, *lengths)
        room = 0.16 * (high - low)  # for the words beside the longest bars
        colors = [f"#ab00{bar.color % 8:02d}" for bar in values]
        drawn = plot.barh(places, lengths, 0.6, color=colors, edgecolor=colors, clip_on=False)
        words = [
            "–" if bar.value is None else f"{length:+.1f} {unit}"
            for bar, length in zip(values, lengths, strict=True)
        ]
        plot.bar_label(drawn, words, padding=8, color=SOFT)
        names = [plot_label(cut(bar.label)) for bar in values]
        plot.set_yticks(places, names, color=INK, weight="bold")
        plot.set(xticks=[], ylim=(len(values) - 0.5, -0.5), xlim=(low - room * (low < 0), high + room))
        return _inline(figure, title)


def cut(label: str) -> str:
    """Return a label that leaves room for what is drawn."""
    return label if len(label) <= LONGEST else f"{label[: LONGEST - 1]}…"


def _figure(height: float) -> tuple[Any, Any]:
    """Return a figure and its axes; a point is a px of the page."""
    from matplotlib.figure import Figure  # noqa: PLC0415  as above

    figure = Figure(figsize=(WIDTH / 72, height / 72), layout="constrained", facecolor="none")
    plot = figure.subplots()
    plot.set_facecolor("none")
    plot.spines[:].set_visible(False)
    return figure, plot


def _add_legend(figure: Any, lines: int) -> None:
    """Name all lines below a chart, in as many columns as there is room for; more rows make it higher."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  as above

    looks: Any = {"loc": "outside lower left", "frameon": False, "handlelength": 2.5, "labelcolor": SOFT}
    measure = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]  # matplotlib leaves it untyped
    columns, legend = COLUMNS, figure.legend(ncols=COLUMNS, **looks)
    while columns > 1 and legend.get_window_extent(measure).width > figure.bbox.width:
        columns -= 1
        legend.remove()
        legend = figure.legend(ncols=columns, **looks)
    rows = math.ceil(lines / columns) - math.ceil(lines / COLUMNS)
    figure.set_figheight(figure.get_figheight() + rows * ROW_HEIGHT / 72)


def _look(color: int) -> dict[str, Any]:
    return {"color": f"#ab00{color % 8:02d}", "linestyle": DASHES[color % 8]}


def _ticks(end: float) -> list[float]:
    """Return resolutions where frequencies are, because people think in Å."""
    chosen: list[float] = []
    for wavelength in WAVELENGTHS:
        last = 1 / chosen[-1] if chosen else -end
        if 1 / wavelength <= end and 1 / wavelength - last >= NEAREST * end:
            chosen.append(wavelength)
    return chosen


def _inline(figure: Any, title: str) -> Markup:
    """Return a figure as HTML, without what is for files only: head, names, fonts, many digits."""
    file = StringIO()
    figure.savefig(file, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    svg = file.getvalue()
    for pattern, instead in SPARE:
        svg = re.sub(pattern, instead, svg, flags=re.DOTALL)
    for color, own in THEME.items():
        svg = svg.replace(color, own)
    drawing = Markup(svg)  # noqa: S704  matplotlib has escaped the words in it
    return Markup('<figure class="chart"><figcaption>{}</figcaption>{}</figure>').format(title, drawing)
