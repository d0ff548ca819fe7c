"""Curves over spatial frequency as inline SVG: no script, no outside file, colors from the page.

Lines differ in color, dash and label at once, so that no reading depends on color alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 560, 320
LEFT, RIGHT, TOP, BOTTOM = 66, 14, 12, 44
DASHES = ("", "7 3", "2 3", "9 3 2 3", "1 2", "12 4", "4 2 1 2", "6 6")
WAVELENGTHS = (200, 100, 50, 30, 20, 15, 10, 8, 6, 5, 4, 3, 2.5, 2, 1.5, 1.2, 1)
NAMES, VALUES, ROW = 210, 70, 30  # px for the words beside bars, and for one bar
NEAREST = 26  # px between two ticks


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

    def place(self, value: float) -> float:
        """Return the height in px of a value, held inside the chart."""
        low, high, at = (math.log10(v) if self.log else v for v in (self.low, self.high, self._held(value)))
        return HEIGHT - BOTTOM - (at - low) / (high - low) * (HEIGHT - BOTTOM - TOP)

    def _held(self, value: float) -> float:
        return min(max(value, self.low), self.high)

    def ticks(self) -> list[float]:
        """Return the values at which the y axis has a line."""
        if self.log:
            first, last = (math.floor(math.log10(v)) for v in (self.low, self.high))
            return [10.0**power for power in range(first, last + 1) if self.low <= 10.0**power <= self.high]
        step = _round_step((self.high - self.low) / 5)
        count = int((self.high - self.low) / step + 1e-9)
        start = math.ceil(self.low / step - 1e-9)
        return [step * (start + i) for i in range(count + 1) if step * (start + i) <= self.high + step / 1e6]


def chart(axes: Axes, lines: Sequence[Line]) -> str:
    """Return a figure with a chart and its legend as HTML; empty where there is no line."""
    drawn = [line for line in lines if any(value is not None for value in line.y)]
    if not drawn:
        return ""
    end = max(max(line.x) for line in drawn)
    parts = [_frame(axes), *_wavelengths(axes, end)]
    parts += [
        f'<path class="c{line.color % 8}" d="{_path(axes, line, end)}" {_dash(line)}/>' for line in drawn
    ]
    legend = "".join(f"<li>{_sample(line)} {escape(line.label)}</li>" for line in drawn)
    title = escape(axes.title)
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}"'
    svg = f'<svg {box}>{"".join(parts)}</svg><ul class="legend">{legend}</ul>'
    return f'<figure class="chart"><figcaption>{title}</figcaption>{svg}</figure>'


@dataclass(frozen=True)
class Bar:
    """One method's value, ``None`` where there is none."""

    label: str
    color: int
    value: float | None


def bars(title: str, unit: str, values: Sequence[Bar]) -> str:
    """Return horizontal bars from zero, each with its label and value, as HTML."""
    known = [0.0, *(bar.value for bar in values if bar.value is not None)]
    low, high = min(known), max(known) or 1.0
    scale = (WIDTH - NAMES - VALUES) / (high - low)
    zero = NAMES - low * scale
    gap = 68 if low < 0 else 12  # the words of a negative value stand between label and bar
    parts = [_bar(bar, place * ROW, gap, (zero, scale), unit) for place, bar in enumerate(values)]
    name = escape(title)
    box = f'viewBox="0 0 {WIDTH} {len(values) * ROW}" role="img" aria-label="{name}"'
    return f'<figure class="chart"><figcaption>{name}</figcaption><svg {box}>{"".join(parts)}</svg></figure>'


def _bar(bar: Bar, top: int, gap: int, axis: tuple[float, float], unit: str) -> str:
    zero, scale = axis
    value = bar.value or 0.0
    left, width = zero + min(value, 0) * scale, max(abs(value) * scale, 2)
    words = "–" if bar.value is None else f"{value:+z.1f} {unit}"
    label = (
        f'<text x="{NAMES - gap}" y="{top + 19}" text-anchor="end" class="strong">{escape(bar.label)}</text>'
    )
    box = f'x="{left:.1f}" y="{top + 5}" width="{width:.1f}" height="18" rx="2"'
    at, anchor = (left + width + 8, "start") if value >= 0 else (left - 8, "end")
    said = f'<text x="{at:.1f}" y="{top + 19}" text-anchor="{anchor}">{words}</text>'
    return f'{label}<rect class="c{bar.color % 8}" {box}/>{said}'


def _frame(axes: Axes) -> str:
    grid = "".join(
        _level("grid", axes.place(value))
        + f'<text x="{LEFT - 6}" y="{axes.place(value) + 4:.1f}" text-anchor="end">{value:.3g}</text>'
        for value in axes.ticks()
    )
    place = f'transform="translate(13 {(HEIGHT - BOTTOM + TOP) / 2}) rotate(-90)" text-anchor="middle"'
    mark = "" if axes.mark is None else _level("mark", axes.place(axes.mark))
    return f"{grid}<text {place}>{escape(axes.y_label)}</text>{mark}"


def _level(kind: str, y: float) -> str:
    return f'<line class="{kind}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'


def _wavelengths(axes: Axes, end: float) -> list[str]:
    """Return the x axis: wavelengths where frequencies are, because people think in Å."""
    parts, last = [], float(LEFT - NEAREST)
    for wavelength in WAVELENGTHS:
        x = _x(1 / wavelength, end)
        if 1 / wavelength > end or x - last < NEAREST:
            continue
        last = x
        bottom = HEIGHT - BOTTOM
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{wavelength:g}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">wavelength ({axes.unit})</text>')
    return parts


def _path(axes: Axes, line: Line, end: float) -> str:
    """Return the SVG path of a line; gaps where a value is missing."""
    steps, pen = [], "M"
    for x, y in zip(line.x, line.y, strict=True):
        if y is None or not math.isfinite(y) or (axes.log and y <= 0):
            pen = "M"
            continue
        steps.append(f"{pen}{_x(x, end):.1f} {axes.place(y):.1f}")
        pen = "L"
    return "".join(steps)


def _x(frequency: float, end: float) -> float:
    return LEFT + frequency / end * (WIDTH - LEFT - RIGHT)


def _dash(line: Line) -> str:
    return f'stroke-dasharray="{DASHES[line.color % 8]}"' if line.color % 8 else ""


def _sample(line: Line) -> str:
    path = f'<path class="c{line.color % 8}" d="M0 5L30 5" {_dash(line)}/>'
    return f'<svg class="sample" viewBox="0 0 30 10" aria-hidden="true">{path}</svg>'


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= rough * 0.999)
