"""How long a run goes on, and when it gives up."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from threading import Event
from typing import Literal

Schedule = Literal["constant", "cosine"]


@dataclass(frozen=True)
class Plan:
    """What a run is to do.

    Parameters
    ----------
    steps_per_epoch : int
        Steps between two validations.
    epochs : int
        How many of them; 0 = until the minutes are over.
    minutes : float
        How long, where there are no epochs.
    patience : int
        The run ends when so many epochs in a row brought no better held-out loss; 0 = never.
    schedule : {"constant", "cosine"}
        How the learning rate goes over the run.
    restarts : int
        How often a run that has gone wrong goes on from its best weights. Without restarts it is
        an experiment: it takes an output that has become constant as it comes, and only a loss that
        runs away ends it.
    first_look : float
        Seconds after which a first validation comes, where the first epoch takes longer.
    state_every : float or None
        Seconds between two states that the run reports, to be kept; there is one at its start, at a stop
        and at its end, too. ``None`` for a run that nobody can resume.
    stop : Event
        Set by whoever wants the run to end: it validates what it has, and ends.
    """

    steps_per_epoch: int
    epochs: int = 0
    minutes: float = 0.0
    patience: int = 0
    schedule: Schedule = "constant"
    restarts: int = 0
    first_look: float = math.inf
    state_every: float | None = None
    stop: Event = field(default_factory=Event, compare=False, repr=False)

    @property
    def seconds(self) -> float:
        """Length of a run limited by time; 0 for one limited by epochs."""
        return 0.0 if self.epochs else 60 * self.minutes

    def epoch(self, step: int) -> int:
        """Return the epoch a step belongs to; both count from 1."""
        return -(-step // self.steps_per_epoch)

    def steps(self, done: int = 0) -> Iterator[tuple[int, int]]:
        """Yield epoch and number of each step after ``done``; without end where time is the limit."""
        last = self.epochs * self.steps_per_epoch
        numbers = range(done + 1, last + 1) if self.epochs else count(done + 1)
        return ((self.epoch(step), step) for step in numbers)

    def share_done(self, step: int, elapsed: float) -> float:
        """Return how much of the run is done after ``step`` steps and ``elapsed`` seconds, 0 to 1."""
        if self.epochs:
            return min(1.0, step / (self.epochs * self.steps_per_epoch))
        return min(1.0, elapsed / self.seconds)

    def factor(self, progress: float) -> float:
        """Return what the learning rate is multiplied by, ``progress`` from 0 to 1 through the run."""
        return (1 + math.cos(math.pi * progress)) / 2 if self.schedule == "cosine" else 1.0
