"""One execution of a training: how far it has come, how it stands, and what to do when it goes wrong.

A run goes wrong in two ways: its output becomes a constant, or its loss leaves the range of
what no training reaches. Both are noticed within an epoch and answered with the best weights
so far and a lower learning rate.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Literal

from cryoden.compute import devices
from cryoden.events.training import EpochFinished, Restarted, StepFinished, TrainingFinished, Trouble, Weights
from cryoden.events.training_status import assess, trouble
from cryoden.settings.training import TrainingSettings
from cryoden.training.learner import Learner
from cryoden.training.patches import Batch
from cryoden.training.validation import HeldOutSet

RESTARTS = 3
WORDS = {
    "fallen": "The output is nearly constant: it fell into the constant predictor.",
    "diverged": "The loss ran away: it diverged.",
}
MESSAGES = {
    "completed": "Training is complete.",
    "plateau": "Stopped early: {patience} epochs brought no better held-out loss.",
} | {why: f"{words} Lower the learning rate." for why, words in WORDS.items()}


@dataclass
class RunState:
    """State of one execution.

    Parameters
    ----------
    settings : TrainingSettings
        What the user chose.
    batch, steps_per_epoch : int
        Patches a step, steps between two validations.
    learner : Learner
        The network and its optimizer.
    held : HeldOutSet
        The held-out data.
    """

    settings: TrainingSettings
    batch: int
    steps_per_epoch: int
    learner: Learner
    held: HeldOutSet
    began: float = field(default_factory=time.monotonic)
    step: int = 0
    progress: float = 0.0
    epochs: list[EpochFinished] = field(default_factory=list)
    best: EpochFinished | None = None
    attempts: int = 0
    trouble: Trouble | None = None
    restarted: int = 0  # the epoch after which
    _start: Weights = field(init=False)

    def __post_init__(self) -> None:
        self._start = self.learner.weights()

    @property
    def epoch(self) -> int:
        """The epoch the last step belongs to."""
        return -(-self.step // self.steps_per_epoch)

    @property
    def elapsed(self) -> float:
        """Seconds since the first step."""
        return time.monotonic() - self.began

    @property
    def reason(self) -> Literal["completed", "plateau"] | Trouble | None:
        """Why no further step is due, or ``None`` while one is."""
        if self.trouble and (self.attempts == RESTARTS or self.progress >= 1):
            return self.trouble
        if self.progress >= 1:
            return "completed"
        waited = self.epochs[-1].epoch - max(self.restarted, self.best.epoch if self.best else 0)
        return "plateau" if 0 < self.settings.patience <= waited else None

    def learn(self, batch: Batch) -> StepFinished:
        """Update the weights once."""
        self.step += 1
        before = self._share_done()
        loss, rate = self.learner.learn(batch, self.step, before), self.learner.rate(self.step, before)
        if not math.isfinite(loss):
            self.trouble = "diverged"
        self.progress, elapsed = self._share_done(), self.elapsed
        remaining = elapsed * (1 - self.progress) / self.progress if self.progress else math.inf
        return StepFinished(self.step, self.epoch, loss, rate, elapsed, self.progress, remaining)

    def validate(self, losses: Sequence[float]) -> EpochFinished:
        """Judge the network; ``losses`` of the steps since it was last judged."""
        score = self.held.judge(self.learner.average)
        better = self.epoch > 0 and not score.fallen and score.loss < self._to_beat
        epoch = EpochFinished(
            epoch=self.epoch,
            step=self.step,
            elapsed=self.elapsed if self.step else 0.0,
            train_loss=fmean(losses) if losses else math.nan,
            validation_loss=score.loss,
            correlation=score.correlation,
            fallen=score.fallen,
            quality=score.quality,
            weights=self.learner.weights() if better else None,
            gpu_bytes=devices.memory_held(self.learner.place.device),
        )
        epoch = replace(epoch, verdict=assess(self.held.references, [*self.epochs, epoch], self.restarted))
        if better:
            self.best = epoch
        self.epochs.append(replace(epoch, weights=None))
        self.trouble = trouble(self.held.references, self.epochs, self.restarted)
        return epoch

    def restart(self, why: Trouble) -> Restarted:
        """Go on from the best weights, or from the start, at a lower learning rate."""
        best, source = self.best, "the start"
        weights = self._start
        if best is not None and best.weights is not None:
            weights, source = best.weights, f"epoch {best.epoch}"
        self.learner.restart(weights, self.step)
        self.attempts += 1
        self.trouble, self.restarted = None, self.epochs[-1].epoch
        rate = self.learner.highest
        message = (
            f"{WORDS[why]} Restart {self.attempts} of {RESTARTS} from {source}, learning rate {rate:.2g}."
        )
        return Restarted(self.attempts, why, message, rate)

    def finish(self) -> TrainingFinished:
        """Say how it ended."""
        reason = self.reason or "completed"
        number = self.best.epoch if self.best else 0
        kept = f"The best epoch, {number}, is kept." if number else "No epoch was better than the start."
        message = f"{MESSAGES[reason].format(patience=self.settings.patience)} {kept}"
        return TrainingFinished(reason, message, self.epoch, number, self._to_beat, self.elapsed)

    def _share_done(self) -> float:
        if self.settings.epochs:
            return min(1.0, self.step / (self.settings.epochs * self.steps_per_epoch))
        return min(1.0, self.elapsed / (60 * self.settings.minutes))

    @property
    def _to_beat(self) -> float:
        """Held-out loss of the best epoch; of the start, which is never kept, while there is none."""
        if self.best is not None:
            return self.best.validation_loss
        start = self.epochs[0].validation_loss if self.epochs else math.inf
        return start if math.isfinite(start) else math.inf
