"""Runs side by side: one row a run, the same figures for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cryoden.history import clock
from cryoden.run_record import RunRecord


@dataclass(frozen=True)
class Figure:
    """One column: what it is called, what it means, and its words for a run."""

    title: str
    means: str
    text: Callable[[RunRecord], str]


def gained(record: RunRecord) -> float | None:
    """Return how far the kept epoch is from the best linear filter (0) to the noise floor (1).

    ``None`` where there is no floor, no kept epoch, or no room between the two.
    """
    known, best = record.started.references, record.figure("best", "validation_loss")
    if known.floor is None or best is None or known.floor >= known.linear:
        return None
    return (known.linear - best) / (known.linear - known.floor)


def speed(record: RunRecord) -> float | None:
    """Return steps per second of the whole run."""
    return float(record.about["steps"]) / record.seconds if record.seconds else None


def _loss(epoch: str) -> Callable[[RunRecord], str]:
    return lambda record: _number(record.figure(epoch, "validation_loss"), ".4f")


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else f"{value:{form}}"


def _reference(name: str) -> Callable[[RunRecord], str]:
    return lambda record: _number(getattr(record.started.references, name), ".4f")


FIGURES = (
    Figure("run", "Its folder.", lambda record: record.name),
    Figure("state", "How it ended, or that it goes on.", lambda record: record.state),
    Figure("start", "Held-out loss before the first step.", _loss("first")),
    Figure("kept", "Held-out loss of the best epoch, whose model is kept.", _loss("best")),
    Figure("last", "Held-out loss of the last epoch.", _loss("last")),
    Figure("linear filter", "Held-out loss of the best linear filter.", _reference("linear")),
    Figure("floor", "Held-out loss no network gets below.", _reference("floor")),
    Figure(
        "filter to floor",
        "How far the kept epoch is on the way from the best linear filter to the noise floor.",
        lambda record: _number(gained(record), ".0%"),
    ),
    Figure("r", "Correlation of the kept output with the raw target.", lambda r: _number(
        r.figure("best", "correlation"), ".4f"
    )),
    Figure("steps", "Steps taken.", lambda record: f"{int(record.about['steps']):,}"),
    Figure("step/s", "Steps a second, over the whole run.", lambda record: _number(speed(record), ".1f")),
    Figure("time", "How long it trained.", lambda record: clock(record.seconds)),
    Figure("network", "Which network.", lambda record: record.started.settings.network),
    Figure("device", "Where it was computed.", lambda record: record.started.device),
)  # fmt: skip
