"""The numbers a table of runs shows, one column each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryoden.events.history import clock
from cryoden.events.reference_lines import REFERENCES
from cryoden.events.snr_gain import SNR_GAIN, TITLE, in_db
from cryoden.runs.compare import RunSummary


@dataclass(frozen=True)
class Figure:
    """One column: what it is called, what it means, and its words for a run."""

    title: str
    means: str
    text: Callable[[RunSummary], str]


def gained(run: RunSummary) -> float | None:
    """Return how far the kept epoch is from the best linear filter (0) to the noise floor (1).

    ``None`` where there is no floor, no kept epoch, or no room between the two.
    """
    known = run.record.started.references if run.record else None
    if known is None or known.floor is None or run.kept is None or known.floor >= known.linear:
        return None
    return (known.linear - run.kept) / (known.linear - known.floor)


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else f"{value:{form}}"


def _reference(name: str) -> Callable[[RunSummary], str]:
    def text(run: RunSummary) -> str:
        known: Any = run.record.started.references if run.record else None
        return _number(getattr(known, name, None), ".4g")

    return text


FIGURES = (
    Figure("run", "Run folder, or the name in the description.", lambda run: run.name),
    Figure("state", "How it ended; reported: numbers of another program.", lambda run: run.state),
    Figure("initial", "Training loss of the first step.", lambda run: _number(run.initial, ".4g")),
    Figure("final", "Mean training loss of the last epoch.", lambda run: _number(run.final, ".4g")),
    Figure("factor", "Initial over final loss.", lambda run: _number(run.improvement, ".3g")),
    Figure("best validation", "Validation loss of the saved model.", lambda run: _number(run.kept, ".4f")),
    Figure(TITLE, f"Of the saved model. {SNR_GAIN}", lambda run: in_db(run.gain)),
    *(Figure(one.label, f"Validation loss. {one.meaning}", _reference(of)) for of, one in REFERENCES.items()),
    Figure("to floor", "From Wiener filter (0 %) to floor (100 %).", lambda run: _number(gained(run), ".0%")),
    Figure("special", "Another measure; here CC of output and target.", lambda run: run.special or "–"),
    Figure("batch/s", "Batches per second.", lambda run: _number(run.batches, ".1f")),
    Figure("images/s", "Images per second.", lambda run: _number(run.images, ",.0f")),
    Figure("time", "Training time.", lambda run: "–" if run.seconds is None else clock(run.seconds)),
    Figure("network", "Network.", lambda run: run.network or "–"),
    Figure("hardware", "Hardware it ran on.", lambda run: run.hardware or "–"),
)  # fmt: skip
