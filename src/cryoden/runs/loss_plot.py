"""The course of a run as a picture, with reference lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryoden.events.history import History
from cryoden.events.loss_range import gain_range, y_range
from cryoden.events.reference_lines import (
    GAIN_LINES,
    GAIN_REFERENCES,
    LINES,
    REFERENCES,
    LossLine,
    loss_label,
)
from cryoden.events.snr_gain import IN_DB, gains_of, in_db, reference_gains
from cryoden.io.atomic import atomic_write
from cryoden.reporting.svg_charts import names_as_they_are, plot_label

OVERLAID = tuple(
    LINES[name].on_white for name in ("validation", "train", "linear", "floor", "gaussian", "constant")
)
DASHES = ("-", "--", ":")
INCHES, DPI = (9.0, 4.8), 120


def draw(history: History, path: Path) -> None:
    """Write the picture, a PNG; replaces the file.

    Of a run on halves the SNR gain in the particle band stands above the losses. Shown is what the
    viewer's plot shows: see `cryoden.events.loss_range`.

    Raises
    ------
    OutputError
        O02, O03 or O06 when it cannot be written.
    """
    known = history.started.references if history.started else None
    with _figure(path, rows=2 if known and known.band else 1) as (*above, below):
        for axes in above:
            _gains(axes, history)
        view, scale = y_range(history), history.started.scale if history.started else "z-score"
        below.set(xlabel="step", ylabel=loss_label(scale), ylim=view)
        _curves(below, history)
        losses = {name: getattr(known, name, None) for name in REFERENCES}
        _references(below, losses, REFERENCES, view)


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
        axes.set(xlabel="epoch", ylabel=label, yscale="linear" if label == IN_DB else "log")
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


def _gains(axes: Any, history: History) -> None:
    """Draw the SNR gain in the particle band."""
    if history.started is None:
        return
    known, view = history.started.references, gain_range(history)
    found = gains_of(known, history.epochs)
    at, gains = [epoch.step for epoch, _ in found], [gain for _, gain in found]
    axes.set(xlabel="step", ylabel=IN_DB, ylim=view)
    axes.plot(at, gains, marker="o" if len(at) <= 100 else "", markersize=3.5, **_style("gain"))
    for best, gain in gains_of(known, [history.best] if history.best else []):
        axes.plot([best.step], [gain], marker="*", markersize=13, **_style("best") | {"linestyle": ""})
    _references(axes, reference_gains(known), GAIN_REFERENCES, view, in_db)


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
    known: Mapping[str, float | None],
    lines: Mapping[str, LossLine],
    limits: tuple[float, float],
    in_words: Callable[[float], str] = "{:.4f}".format,
) -> None:
    """Draw the reference lines; those far outside appear in the legend only."""
    for name, line in lines.items():
        value = known.get(name)
        if value is None:
            continue
        above, below = value > limits[1], value < limits[0]
        where = ", above" if above else ", below" if below else ""
        style = _style(name) | {"label": f"{line.label}: {in_words(value)}{where}", "linewidth": 1.4}
        if where:
            axes.plot([], [], **style)
        else:
            axes.axhline(value, **style)


def _style(name: str) -> dict[str, Any]:
    line = (LINES | GAIN_LINES)[name]
    dashes = (0, line.dashes) if line.dashes else "-"
    return {"color": line.on_white, "linestyle": dashes, "label": line.label}
