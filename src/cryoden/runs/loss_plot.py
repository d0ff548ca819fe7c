"""The losses of a run as a picture, beside those that need no training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cryoden.events.history import History
from cryoden.events.quality import References
from cryoden.io.atomic import atomic_write
from cryoden.runs.loss_range import y_range

# Okabe and Ito's colors, told apart with any color vision, the darker ones: for white paper.
COLORS = {
    "steps": "#c3c9d1",
    "train": "#d55e00",
    "validation": "#0072b2",
    "best": "#000000",
    "constant": "#6b6b6b",
    "gaussian": "#6a51a3",
    "linear": "#00795a",
    "floor": "#a8437f",
}
LINES = {
    "identity": ("doing nothing", "#6b6b6b", "-"),
    "constant": ("a constant", COLORS["constant"], "--"),
    "gaussian": ("best Gaussian", COLORS["gaussian"], "-."),
    "linear": ("best linear filter", COLORS["linear"], (0, (8, 2, 2, 2))),
    "floor": ("noise floor", COLORS["floor"], ":"),
}
OVERLAID = tuple(COLORS[name] for name in ("validation", "train", "linear", "floor", "gaussian", "constant"))
DASHES = ("-", "--", ":")
INCHES, DPI = (9.0, 4.8), 120


def draw(history: History, path: Path) -> None:
    """Write the picture, a PNG; replaces the file.

    Shown is what the viewer's plot shows: see `cryoden.runs.loss_range.y_range`.

    Raises
    ------
    OutputError
        O02, O03 or O06 when it cannot be written.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415  it takes most of a second

    figure = Figure(figsize=INCHES, layout="constrained")
    axes = figure.subplots()
    low, high = y_range(history)
    axes.set(xlabel="step", ylabel="loss (mean squared error)", ylim=(low, high))
    _curves(axes, history)
    if history.started:
        _references(axes, history.started.references, (low, high))
    _save(figure, axes, path)


def overlay(courses: Mapping[str, tuple[Sequence[float], Sequence[float]]], path: Path) -> None:
    """Write a picture of the losses of several runs by epoch, on a logarithmic axis; replaces the file.

    Raises
    ------
    OutputError
        O02, O03 or O06 when it cannot be written.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415  it takes most of a second
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415  as above

    figure = Figure(figsize=INCHES, layout="constrained")
    axes = figure.subplots()
    for number, (name, (at, losses)) in enumerate(courses.items()):
        color, dashes = OVERLAID[number % len(OVERLAID)], DASHES[number // len(OVERLAID) % len(DASHES)]
        axes.plot(at, losses, color=color, linestyle=dashes, marker="o", markersize=4, label=name)
    axes.set(xlabel="epoch", ylabel="loss", yscale="log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _save(figure, axes, path)


def _save(figure: Any, axes: Any, path: Path) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    with atomic_write(path, overwrite=True) as temporary:
        figure.savefig(temporary, format="png", dpi=DPI)


def _curves(axes: Any, history: History) -> None:
    axes.plot(history.steps, history.losses, color=COLORS["steps"], linewidth=0.8, label="each step")
    epochs = [epoch for epoch in history.epochs if epoch.epoch]
    at = [epoch.step for epoch in epochs]
    few = "o" if len(epochs) <= 100 else ""
    for name, words in (("train", "training, by epoch"), ("validation", "held out")):
        losses = [getattr(epoch, f"{name}_loss") for epoch in epochs]
        axes.plot(at, losses, color=COLORS[name], marker=few, markersize=3.5, label=words)
    best = history.best
    if best is not None:
        place = [best.step], [best.validation_loss]
        axes.plot(*place, color=COLORS["best"], marker="*", markersize=13, linestyle="", label="kept")


def _references(axes: Any, known: References, limits: tuple[float, float]) -> None:
    """Draw what needs no training; what is far outside is told in the legend alone."""
    for name, (words, color, dashes) in LINES.items():
        value = getattr(known, name)
        if value is None:
            continue
        above, below = value > limits[1], value < limits[0]
        where = ", above" if above else ", below" if below else ""
        style = {"color": color, "linestyle": dashes, "linewidth": 1.4}
        label = f"{words}: {value:.4f}{where}"
        if where:
            axes.plot([], [], label=label, **style)
        else:
            axes.axhline(value, label=label, **style)
