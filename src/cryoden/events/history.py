"""A run as it stands, folded from its events."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import replace

from cryoden.events.quality import TrainingStatus
from cryoden.events.training import (
    BatchHalved,
    CheckpointSaved,
    EpochFinished,
    PhaseStarted,
    PreviewMade,
    Restarted,
    Resumed,
    StepFinished,
    TrainingEvent,
    TrainingFinished,
    TrainingStarted,
    TrainingState,
)
from cryoden.events.training_status import figure

SPEED_SECONDS = 2.0  # at least that many the shown speed is averaged over
SPEED_STEPS = 20  # and so many steps


class History:
    """Everything a plot, a table or a status line needs; feed it each event once.

    ``verdict`` is the last thing said of how the run stands; ``restarts`` are the steps after
    which it was restarted.
    """

    def __init__(self) -> None:
        self.phase = ""
        self.started: TrainingStarted | None = None
        self.finished: TrainingFinished | None = None
        self.last: StepFinished | None = None
        self.steps: list[int] = []
        self.losses: list[float] = []
        self.epochs: list[EpochFinished] = []
        self.best: EpochFinished | None = None
        self.verdict: TrainingStatus | None = None
        self.restarts: list[int] = []
        self._clock = deque([(0.0, 0)])  # seconds and steps; losses come in groups, at one moment

    def add(self, event: TrainingEvent) -> None:
        """Take in the next event."""
        match event:
            case PhaseStarted():
                self.phase = event.phase
            case TrainingStarted():
                self.started = event
            case StepFinished():
                self._add_step(event)
            case EpochFinished():
                self._add_epoch(event)
            case Restarted():
                self._add_restart(event)
            case TrainingFinished():
                self.finished = event
            case Resumed():
                self._add_past(event)
            case _:
                _pass_over(event)

    def _add_step(self, event: StepFinished) -> None:
        self.last = event
        self.steps.append(event.step)
        self.losses.append(event.loss)
        self._clock.append((event.elapsed, event.step))
        while len(self._clock) > SPEED_STEPS + 1 and self._clock[1][0] < event.elapsed - SPEED_SECONDS:
            self._clock.popleft()

    def _add_past(self, event: Resumed) -> None:
        for one in event.past:
            self.add(one)
        self.best = event.best
        self._clock = deque([(event.elapsed, event.step)])

    def _add_restart(self, event: Restarted) -> None:
        self.restarts.append(self.last.step if self.last else 0)
        self.verdict = TrainingStatus("bad", event.message)

    def _add_epoch(self, event: EpochFinished) -> None:
        self.verdict = event.verdict
        self.epochs.append(replace(event, weights=None))  # a long run must not keep every best network
        if event.weights is not None:
            self.best = event

    @property
    def pixel_size(self) -> float | None:
        """Å/px of the micrographs, which says what lengths are in."""
        return self.started.pixel_size if self.started else None

    @property
    def steps_per_second(self) -> float:
        """Speed over the last steps; 0 before the first one."""
        (began, before), (now, steps) = self._clock[0], self._clock[-1]
        return (steps - before) / (now - began) if now > began else 0.0

    def status_line(self) -> str:
        """Return the run's state in one line for people."""
        if self.finished:
            return self.finished.message
        if self.started is None or self.last is None:
            return f"{self.phase} …" if self.phase else "no run yet"
        restarts = [f"restarted {len(self.restarts)}×"] if self.restarts else []
        where = *self._position(self.started, self.last), *restarts, self._best(), self._place(self.started)
        return " · ".join(where)

    def _place(self, started: TrainingStarted) -> str:
        memory = self.epochs[-1].gpu_bytes if self.epochs else None
        if memory is None:
            return started.device
        held, whole = (count / 2**30 for count in memory)
        return f"{started.device} {held:.1f}/{whole:.0f} GiB"

    def _position(self, started: TrainingStarted, last: StepFinished) -> tuple[str, ...]:
        of_epochs = f"/{started.epochs}" if started.epochs else ""
        in_epoch = (last.step - 1) % started.steps_per_epoch + 1
        return (
            f"epoch {last.epoch}{of_epochs}",
            f"{in_epoch}/{started.steps_per_epoch}",
            f"{self.steps_per_second:.1f} step/s",
            f"ETA {clock(last.remaining)}",
        )

    def _best(self) -> str:
        if self.best is None and self.started is not None and not any(epoch.epoch for epoch in self.epochs):
            return f"first validation by step {self.started.steps_per_epoch}"
        if self.best is None:
            return "no better epoch yet"
        shown = figure(self.started.references, self.best) if self.started else ""
        return f"best {shown} @ epoch {self.best.epoch}"


def warnings_of(event: TrainingEvent) -> tuple[str, ...]:
    """Return what an event says that a user should see at once."""
    if isinstance(event, TrainingStarted):
        return event.warnings
    if isinstance(event, Resumed):
        return event.notes
    return (event.warning,) if isinstance(event, BatchHalved | CheckpointSaved) and event.warning else ()


def _pass_over(event: BatchHalved | PreviewMade | TrainingState | CheckpointSaved) -> None:
    """Remember nothing of what is to be looked at, or kept elsewhere; by its type nothing else comes here."""


def length(value: float | None, pixel_size: float | None) -> str:
    """Return a length of an event with its unit."""
    if value is None:
        return "–"
    return f"{value:.3g} Å" if pixel_size else f"{value:.3g} px"


def clock(seconds: float) -> str:
    """Return a duration as ``m:ss`` or ``h:mm:ss``; ``–`` when it is not known."""
    if not math.isfinite(seconds):
        return "–"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
