"""One execution of a training: how far it has come, how it stands, and what to do when it goes wrong.

A run goes wrong in two ways: its output becomes a constant, or its loss leaves the range of
what no training reaches. Both are noticed within an epoch and answered with the best weights
so far and a lower learning rate.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Literal

from cryoden.compute import devices
from cryoden.events.saved_epochs import epoch_from, epoch_values
from cryoden.events.training import (
    EpochFinished,
    Restarted,
    Resumed,
    Speed,
    StepFinished,
    TrainingFinished,
    TrainingState,
    Trouble,
    Weights,
)
from cryoden.events.training_status import ENDS, WENT_WRONG, assess, kept_words, merit, trouble
from cryoden.sampling.source import Batch, BatchOnGpu
from cryoden.training.engines import Engine, named, part, weights_of
from cryoden.training.plan import Plan
from cryoden.training.validation import HeldOutSet

FETCH_SECONDS = 0.25  # losses are fetched this often where fetching waits for the device
KEPT = "reported", "attempts", "restarted", "losses", "_read", "_resumed"  # of a state, as they are
STOP_SECONDS = 1.0  # a stopped run may validate; what is left of the held-out data is estimated


@dataclass
class RunState:
    """State of one execution.

    Parameters
    ----------
    plan : Plan
        What is to be done.
    engine : Engine
        The network and what moves it.
    holdout : HeldOutSet
        The held-out data.
    """

    plan: Plan
    engine: Engine
    holdout: HeldOutSet
    began: float = field(default_factory=time.monotonic)
    step: int = 0
    reported: int = 0  # steps whose losses were fetched
    progress: float = 0.0
    epochs: list[EpochFinished] = field(default_factory=list)
    best: EpochFinished | None = None
    attempts: int = 0
    trouble: Trouble | None = None
    restarted: int = 0  # the epoch after which
    losses: list[float] = field(default_factory=list)  # since the last validation, or restart
    _read: list[int] = field(default_factory=lambda: [0, 0, 0])  # batches, pairs and bytes of the epoch
    _resumed: float = 0.0  # elapsed when the epoch's first step began
    _fetched: float = 0.0  # elapsed when losses were last fetched
    _taken: float = -math.inf  # when its state was, by the clock
    _before: float = 0.0  # elapsed when it was resumed
    _start: Weights = field(init=False)

    def __post_init__(self) -> None:
        self._start = weights_of(self.engine)

    @property
    def epoch(self) -> int:
        """The epoch the last step belongs to."""
        return self.plan.epoch(self.step)

    @property
    def elapsed(self) -> float:
        """Seconds since the first step."""
        return time.monotonic() - self.began

    @property
    def is_unjudged(self) -> bool:
        """Whether a step was taken since the last validation."""
        return self.step != self.epochs[-1].step

    @property
    def epoch_is_over(self) -> bool:
        """Whether a validation is due after the last step: of an epoch, of a stop, or a first one."""
        early = len(self.epochs) == 1 and self.elapsed >= self.plan.first_look
        over = self.progress >= 1 or self.step % self.plan.steps_per_epoch == 0
        return over or early or self.plan.stop.is_set()

    @property
    def reason(self) -> Literal["completed", "plateau", "stopped"] | Trouble | None:
        """Why no further step is due, or ``None`` while one is."""
        if self.trouble and (self.attempts == self.plan.restarts or self.progress >= 1):
            return self.trouble
        if self.progress >= 1:
            return "completed"
        if self.plan.stop.is_set():
            return "stopped"
        waited = self.epochs[-1].epoch - max(self.restarted, self.best.epoch if self.best else 0)
        return "plateau" if 0 < self.plan.patience <= waited else None

    def begin(self) -> None:
        """Start the clock, or continue it where a resumed run had stopped."""
        self.began, self._fetched = time.monotonic() - self._before, self._before

    def learn(self, batch: Batch | BatchOnGpu) -> Iterator[StepFinished]:
        """Update the weights once; yield the steps whose losses are known by then."""
        self.step += 1
        factor = self.plan.factor(self.plan.share_done(self.step, self.elapsed))
        self.engine.step(batch, self.step, factor)
        sizes = 1, len(batch.noisy), batch.noisy.nbytes + batch.target.nbytes
        self._read = [count + more for count, more in zip(self._read, sizes, strict=True)]
        self.progress = self.plan.share_done(self.step, self.elapsed)
        waited = self.elapsed - self._fetched
        if self.engine.fetching_waits and not self.epoch_is_over and waited < FETCH_SECONDS:
            return
        for loss in self.engine.losses():
            yield self._finished(loss)
        self._fetched = self.elapsed

    def validate(self) -> EpochFinished:
        """Judge the network."""
        seconds = STOP_SECONDS if self.epochs and self.plan.stop.is_set() else math.inf
        speed, score = self._speed(), self.holdout.judge(self.engine.judged(), seconds)
        epoch = EpochFinished(
            epoch=self.epoch,
            step=self.step,
            elapsed=self.elapsed if self.step else 0.0,
            train_loss=fmean(self.losses) if self.losses else math.nan,
            validation_loss=score.loss,
            correlation=score.correlation,
            collapsed=score.collapsed,
            quality=score.quality,
            weights=None,
            gpu_bytes=devices.memory_held(self.engine.place.device),
            speed=speed,
        )
        epoch = replace(epoch, verdict=assess(self.holdout.references, [*self.epochs, epoch], self.restarted))
        if self._is_kept(epoch):
            self.best = epoch = replace(epoch, weights=weights_of(self.engine))
        self.epochs.append(replace(epoch, weights=None))
        found = trouble(self.holdout.references, self.epochs, self.restarted)
        self.trouble = found if found == "diverged" or self.plan.restarts else None
        self.losses.clear()
        self._read, self._resumed = [0, 0, 0], self.elapsed
        return epoch

    def states(self) -> Iterator[StepFinished | TrainingState]:
        """Yield the state after the last step, before it is judged, where it is due and no trouble is."""
        every, now = self.plan.state_every, time.monotonic()
        due = every is not None and now - self._taken >= every
        if self.trouble or every is None or not (due or self.plan.stop.is_set() or self.progress >= 1):
            return
        for loss in self.engine.losses():
            yield self._finished(loss)
        if self.trouble is None:
            yield self._state()
            self._taken = time.monotonic()

    def _state(self) -> TrainingState:
        arrays, values = self.engine.state()
        best = None if self.best is None else [epoch.step for epoch in self.epochs].index(self.best.step)
        kept = self.best.weights if self.best and self.best.weights else {}
        epochs, own = list(map(epoch_values, self.epochs)), {name: copy(getattr(self, name)) for name in KEPT}
        own |= {"elapsed": self.elapsed, "epochs": epochs, "best": best, "course": self.holdout.course}
        arrays = {**named("engine", arrays), **named("start", self._start), **named("best", kept)}
        return TrainingState(self.step, arrays, own | {"engine": dict(values)})

    def restore(self, state: TrainingState) -> None:
        """Take over a state; `begin` then continues its clock."""
        of = state.values
        self.engine.restore(part("engine", state.arrays), of["engine"])
        for name in KEPT:
            setattr(self, name, copy(of[name]))
        self.step, self._before, self._taken = state.step, of["elapsed"], time.monotonic()
        self.progress = self.plan.share_done(state.step, of["elapsed"])
        self.epochs = [epoch_from(values) for values in of["epochs"]]
        self.holdout.course = [(loss, band) for loss, band in of["course"]]
        self._start = part("start", state.arrays)
        if of["best"] is not None:
            self.best = replace(self.epochs[of["best"]], weights=part("best", state.arrays))

    def resumed(self) -> Resumed:
        """Say where it continues."""
        return Resumed(self.step, self._before, tuple(self.epochs), self.best)

    def restart(self, why: Trouble) -> Restarted:
        """Go on from the best weights, or from the start, at a lower learning rate."""
        best, source = self.best, "the starting model"
        weights = self._start
        if best is not None and best.weights is not None:
            weights, source = best.weights, f"epoch {best.epoch}"
        rate = self.engine.restart(weights, self.step)
        self.attempts += 1
        self.trouble, self.restarted = None, self.epochs[-1].epoch
        self.losses.clear()  # of what is undone
        again = f"Restart {self.attempts} of {self.plan.restarts} from {source}, learning rate {rate:.2g}."
        return Restarted(self.attempts, why, f"{WENT_WRONG[why]} {again}", rate)

    def finish(self) -> TrainingFinished:
        """Say how it ended."""
        reason = self.reason or "completed"
        how = ENDS[reason].format(patience=self.plan.patience)
        message = f"{how} {kept_words(self.holdout.references, self.best, self.epochs[0])}"
        number, loss = self.best.epoch if self.best else 0, (self.best or self.epochs[0]).validation_loss
        return TrainingFinished(reason, message, self.epoch, number, loss, self.elapsed)

    def _finished(self, loss: float) -> StepFinished:
        self.reported += 1
        self.losses.append(loss)
        if not math.isfinite(loss):
            self.trouble = "diverged"
        elapsed, step = self.elapsed, self.reported
        share = self.plan.share_done(step, elapsed)
        rate = self.engine.rate(step, self.plan.factor(share))
        remaining = elapsed * (1 - share) / share if share else math.inf
        return StepFinished(step, self.plan.epoch(step), loss, rate, elapsed, share, remaining)

    def _is_kept(self, epoch: EpochFinished) -> bool:
        """Tell whether its weights are kept: the best so far, or all there is of a run stopped early."""
        if self.plan.stop.is_set() and len(self.epochs) == 1:
            return trouble(self.holdout.references, [*self.epochs, epoch], self.restarted) is None
        is_usable = epoch.epoch > 0 and not (epoch.collapsed and self.plan.restarts > 0)
        return is_usable and self._beats(epoch, self.best or self.epochs[0])

    def _beats(self, epoch: EpochFinished, other: EpochFinished) -> bool:
        """Tell whether an epoch is better than another, such as the start, which is never kept."""
        references = self.holdout.references
        return merit(references, epoch) > merit(references, other)

    def _speed(self) -> Speed | None:
        """Return the speed since the last validation, which itself is not counted."""
        batches, pairs, size = self._read
        seconds = self.elapsed - self._resumed
        if not batches or seconds <= 0:
            return None
        return Speed(seconds, batches / seconds, pairs / seconds, size / seconds / 1e6)
