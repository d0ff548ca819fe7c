"""The course of a run as a picture, with reference lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryoden.events.history import History
from cryoden.events.loss_range import band_range, y_range
from cryoden.events.quality import BandReferences, References
from cryoden.events.reference_lines import (
    BAND,
    BAND_CURVES,
    BAND_REFERENCES,
    LINES,
    REFERENCES,
    LossLine,
    loss_label,
)
from cryoden.io.atomic import atomic_write
from cryoden.reporting.svg_charts import names_as_they_are, plot_label

OVERLAID = tuple(
    LINES[name].on_white for name in ("validation", "train", "linear", "floor", "gaussian", "constant")
)
DASHES = ("-", "--", ":")
INCHES, DPI = (9.0, 4.8), 120


def draw(history: History, path: Path) -> None:
    """Write the picture, a PNG; replaces the file.

    Of a run on halves the correlation in the particle band stands above the losses. Shown is what the
    viewer's plot shows: see `cryoden.events.loss_range`.

    Raises
    ------
    OutputError
        O02, O03 or O06 when it cannot be written.
    """
    known = history.started.references if history.started else None
    with _figure(path, rows=2 if known and known.band else 1) as (*above, below):
        for axes in above:
            _correlations(axes, history)
        view, scale = y_range(history), history.started.scale if history.started else "z-score"
        below.set(xlabel="step", ylabel=loss_label(scale), ylim=view)
        _curves(below, history)
        _references(below, known, REFERENCES, view)


def overlay(
    courses: Sequence[tuple[str, tuple[Sequence[float], Sequence[float]]]], path: Path, label: str
) -> None:
    """Write a picture of several runs by epoch, of losses on a logarithmic axis; replaces the file.

    Raises
    ------
    OutputError
        O02, O03 or O06 when it cannot be written.
    """
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415  as below

    with _figure(path) as (axes,):
        for number, (name, (at, losses)) in enumerate(courses):
            color, dashes = OVERLAID[number % len(OVERLAID)], DASHES[number // len(OVERLAID) % len(DASHES)]
            axes.plot(
                at, losses, color=color, linestyle=dashes, marker="o", markersize=4, label=plot_label(name)
            )
        axes.set(xlabel="epoch", ylabel=label, yscale="linear" if label == BAND else "log")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))


@contextmanager
def _figure(path: Path, rows: int = 1) -> Iterator[Any]:
    """Yield axes to draw into, one below the other, and write the picture afterwards."""
    from matplotlib.figure import Figure  # noqa: PLC0415  it takes most of a second

    with names_as_they_are():
        width, height = INCHES
        figure = Figure(figsize=(width, height * rows), layout="constrained")
        several = figure.subplots(rows, squeeze=False)[:, 0]
        yield several
        for axes in several:
            axes.spines[["top", "right"]].set_visible(False)
            axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
        with atomic_write(path, overwrite=True) as temporary:
            figure.savefig(temporary, format="png", dpi=DPI)


def _correlations(axes: Any, history: History) -> None:
    """Draw the correlation in the particle band."""
    view = band_range(history)
    shown = [epoch for epoch in history.epochs if epoch.quality.band is not None]
    axes.set(xlabel="step", ylabel=BAND, ylim=view)
    at, bands = [epoch.step for epoch in shown], [epoch.quality.band for epoch in shown]
    axes.plot(at, bands, marker="o" if len(at) <= 100 else "", markersize=3.5, **_style("band"))
    if history.best is not None and history.best.quality.band is not None:
        place = [history.best.step], [history.best.quality.band]
        axes.plot(*place, marker="*", markersize=13, **_style("best") | {"linestyle": ""})
    known = history.started.references.band if history.started else None
    _references(axes, known, BAND_REFERENCES, view)


def _curves(axes: Any, history: History) -> None:
    axes.plot(history.steps, history.losses, linewidth=0.8, **_style("steps"))
    epochs = [epoch for epoch in history.epochs if epoch.epoch]
    at = [epoch.step for epoch in epochs]
    few = "o" if len(epochs) <= 100 else ""
    for name in ("train", "validation"):
        losses = [getattr(epoch, f"{name}_loss") for epoch in epochs]
        axes.plot(at, losses, marker=few, markersize=3.5, **_style(name))
    best = history.best
    if best is not None:
        place = [best.step], [best.validation_loss]
        axes.plot(*place, marker="*", markersize=13, **_style("best") | {"linestyle": ""})


def _references(
    axes: Any,
    known: References | BandReferences | None,
    lines: Mapping[str, LossLine],
    limits: tuple[float, float],
) -> None:
    """Draw the reference lines; those far outside appear in the legend only."""
    for name, line in lines.items():
        value = getattr(known, name, None)
        if value is None:
            continue
        above, below = value > limits[1], value < limits[0]
        where = ", above" if above else ", below" if below else ""
        style = _style(name) | {"label": f"{line.label}: {value:.4f}{where}", "linewidth": 1.4}
        if where:
            axes.plot([], [], **style)
        else:
            axes.axhline(value, **style)


def _style(name: str) -> dict[str, Any]:
    line = (LINES | BAND_CURVES)[name]
    dashes = (0, line.dashes) if line.dashes else "-"
    return {"color": line.on_white, "linestyle": dashes, "label": line.label}
