"""What the plot of a run shows: its SNR gain in the particle band, or its losses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cryoden.events.history import History, length
from cryoden.events.loss_range import gain_range, y_range
from cryoden.events.quality import References
from cryoden.events.reference_lines import GAIN_LINES, GAIN_REFERENCES, LINES, REFERENCES, LossLine
from cryoden.events.snr_gain import IN_DB, gains_of, in_db, reference_gains
from cryoden.events.training import EpochFinished

LOSS = "loss (MSE)"  # words that a low plot has the height for
Points = tuple[Sequence[float] | Any, Sequence[float] | Any]


@dataclass(frozen=True)
class ShownCurves:
    """Curves and lines of one plot, by the names of `cryoden.events.reference_lines`.

    Parameters
    ----------
    axis : str
        What is shown.
    view : (float, float)
        Limits in which it can be read.
    words : mapping
        Name and meaning of each row of the legend.
    curves : mapping
        Steps and values; ``validation`` is the main one.
    lines : mapping
        Levels of reference lines.
    newest : mapping
        The last value of each curve.
    beside : mapping
        What stands behind a value in the legend.
    in_words : callable
        Writes a value.
    """

    axis: str
    view: tuple[float, float]
    words: Mapping[str, LossLine]
    curves: Mapping[str, Points]
    lines: Mapping[str, float]
    newest: Mapping[str, float]
    beside: Mapping[str, str] = field(default_factory=dict)
    in_words: Callable[[float], str] = "{:.4f}".format


def has_gain(history: History | None) -> bool:
    """Return whether a run has an SNR gain, as new runs on halves do."""
    return history is not None and history.started is not None and bool(history.started.references.band)


def of_gains(history: History, earlier: History | None, since: int = 0) -> ShownCurves:
    """Return the SNR gain of a run that has it, and of the run before."""
    assert history.started is not None  # noqa: S101  a run that has it has begun
    known = history.started.references
    points = _gains(history, history.epochs)
    best = _gains(history, [history.best] if history.best else [])
    lines = reference_gains(known)
    words = {
        "validation": GAIN_LINES["gain"],
        "best": replace(LINES["best"], label="best epoch"),
        **{name: line for name, line in GAIN_REFERENCES.items() if name in lines},
    }
    return ShownCurves(
        IN_DB,
        gain_range(history, since),
        words,
        {"validation": points, "best": best, "earlier": _gains(earlier, earlier.epochs if earlier else [])},
        lines,
        {name: values[-1] for name, (_, values) in (("validation", points), ("best", best)) if values},
        _beside(history, known),
        in_db,
    )


def of_losses(history: History, earlier: History | None, since: int = 0) -> ShownCurves:
    """Return the losses of a run that has begun, and of the run before."""
    assert history.started is not None  # noqa: S101  as above
    known, epochs = history.started.references, history.epochs
    trained = [epoch for epoch in epochs if epoch.epoch > 0]
    best = [history.best] if history.best is not None else []
    curves = {
        "steps": _thinned(history.steps, history.losses),
        "train": ([e.step for e in trained], [e.train_loss for e in trained]),
    } | {
        name: ([e.step for e in some], [e.validation_loss for e in some])
        for name, some in (
            ("validation", epochs), ("best", best), ("earlier", earlier.epochs if earlier else []),
        )
    }  # fmt: skip
    lines = {name: value for name in REFERENCES if (value := getattr(known, name)) is not None}
    newest = {name: curves[name][1][-1] for name in ("train", "validation", "best") if curves[name][1]}
    newest |= {"steps": history.losses[-1]} if history.losses else {}
    view = y_range(history, since)
    return ShownCurves(LOSS, view, LINES, curves, lines, newest, _beside(history, known))


def _gains(history: History | None, epochs: Sequence[EpochFinished]) -> Points:
    if history is None or history.started is None:
        return [], []
    found = gains_of(history.started.references, epochs)
    return [epoch.step for epoch, _ in found], [gain for _, gain in found]


def _beside(history: History, known: References) -> dict[str, str]:
    best = {"best": f" @ {history.best.epoch}"} if history.best else {}
    return {"gaussian": f" @ {length(known.sigma, history.pixel_size)}", **best}


def _thinned(steps: list[int], losses: list[float], most: int = 4000) -> tuple[Any, Any]:
    """Every n-th step of a long run: more points than the plot has columns only cost time."""
    every = max(1, len(steps) // most)
    return np.array(steps[::every], dtype=float), np.array(losses[::every], dtype=float)
