"""Training as a plain generator of events.

Command line, viewer and tests iterate the same generator. To stop is to stop asking; every
event that improves on the best so far carries the weights, so nothing is lost by it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Literal

import torch
from torch import nn

from cryoden import devices
from cryoden.checkpoint import Model
from cryoden.events import (
    EpochFinished,
    Mode,
    PhaseStarted,
    References,
    StepFinished,
    TrainingEvent,
    TrainingFinished,
    TrainingStarted,
    Weights,
)
from cryoden.networks import LinearFilter, Network, UNet, build, loaded
from cryoden.optimization import Learner, Place, fitted_filter
from cryoden.patches import Batch, PatchSource
from cryoden.regions import Region, TrainingPair, fitting_edge, split
from cryoden.settings import TrainingSettings
from cryoden.validation import Held, Score
from cryoden.working import Seen, seen

CPU_BATCH, GPU_BATCH = 4, 16
STEPS_PER_EPOCH = (20, 200)
FIT_PIXELS = 1 << 20  # the linear filter has five numbers to find
FALLEN_EPOCHS = 5  # in a row, before the run gives up
MESSAGES = {
    "completed": "Training is complete.",
    "fallen": "The output is nearly constant: it fell into the constant predictor. Lower the learning rate.",
    "diverged": "The loss is no longer finite. Try a lower learning rate.",
}


@dataclass
class Run:
    """One execution: what was chosen and how far it has come."""

    settings: TrainingSettings
    shown: Seen
    batch: int
    steps_per_epoch: int
    learner: Learner
    held: Held
    filtered: Score
    began: float = field(default_factory=time.monotonic)
    step: int = 0
    best_epoch: int = 0
    best_loss: float = math.inf
    fallen_in_a_row: int = 0
    diverged: bool = False

    @property
    def elapsed(self) -> float:
        """Seconds since the first step."""
        return time.monotonic() - self.began

    @property
    def progress(self) -> float:
        """How much of the run is done, from 0 to 1."""
        if self.settings.epochs:
            return min(1.0, self.step / (self.settings.epochs * self.steps_per_epoch))
        return min(1.0, self.elapsed / (60 * self.settings.minutes))

    @property
    def over(self) -> bool:
        """Whether no further step is due."""
        return self.progress >= 1 or self.diverged or self.fallen_in_a_row >= FALLEN_EPOCHS


def train(
    pairs: Sequence[TrainingPair], mode: Mode, settings: TrainingSettings, *, start: Model | None = None
) -> Iterator[TrainingEvent]:
    """Train a network, one event at a time.

    Parameters
    ----------
    pairs : sequence of TrainingPair
        Noisy and target micrographs of the same scenes.
    mode : {"noise2noise", "supervised"}
        With "noise2noise" noisy and target are halves and may change places.
    settings : TrainingSettings
        What the user chose.
    start : Model, optional
        A model to go on from (fine-tuning); its network must be the chosen one.

    Yields
    ------
    TrainingEvent
        ``PhaseStarted`` events, one ``TrainingStarted``, then ``StepFinished`` and
        ``EpochFinished``, and ``TrainingFinished`` unless the caller stops asking.

    Raises
    ------
    CryodenError
        For data, settings or a start that cannot be trained with.

    References
    ----------
    Lehtinen et al. (2018), Noise2Noise.
    """
    yield PhaseStarted("measuring the micrographs")
    shown = seen(pairs, settings, start)
    patch = fitting_edge(shown.pairs, settings.patch)
    training, validation = split(shown.pairs, settings.held_out, patch, settings.seed)
    source = PatchSource(training, patch, settings.seed, swap=mode == "noise2noise")
    held = Held(PatchSource(validation, patch, settings.seed, swap=False))
    yield PhaseStarted("fitting the linear filter")
    linear = fitted_filter(source.batch(0, max(1, FIT_PIXELS // patch**2)))
    yield PhaseStarted("preparing the network")
    device = devices.resolve(settings.device)
    place = Place(device, devices.number_format(settings.precision, device))
    learner = Learner(_network(settings, linear, start), settings, place)
    batch = settings.batch or (CPU_BATCH if device.type == "cpu" else GPU_BATCH)
    filtered = held.judge(linear.to(device), Place(device, torch.float32))
    references = held.references(filtered, place, mode)
    steps = settings.steps_per_epoch or _steps_per_epoch(training, batch * patch**2)
    run = Run(settings, shown, batch, steps, learner, held, filtered)
    yield _started(run, mode, (training, validation), references)
    yield from _epochs(run, source)


def _epochs(run: Run, source: PatchSource) -> Iterator[TrainingEvent]:
    yield _validated(run, 0, math.nan)
    run.began = time.monotonic()
    epoch = 0
    losses: list[float] = []
    for batch in source.batches(run.batch):
        losses.append(_learned(run, batch))
        yield _step_finished(run, epoch + 1, losses[-1])
        if run.over or run.step % run.steps_per_epoch == 0:
            epoch += 1
            yield _validated(run, epoch, fmean(losses))
            losses = []
        if run.over:
            break
    yield _finished(run, epoch)


def _learned(run: Run, batch: Batch) -> float:
    run.step += 1
    loss = run.learner.learn(batch, run.step, run.progress)
    run.diverged = not math.isfinite(loss)
    return loss


def _step_finished(run: Run, epoch: int, loss: float) -> StepFinished:
    progress, elapsed = run.progress, run.elapsed
    remaining = elapsed * (1 - progress) / progress if progress else math.inf
    rate = run.learner.rate(run.step, progress)
    return StepFinished(run.step, epoch, loss, rate, elapsed, progress, remaining)


def _validated(run: Run, epoch: int, train_loss: float) -> EpochFinished:
    score = run.held.judge(run.learner.average, run.learner.place)
    fallen = epoch > 0 and score.has_fallen(run.filtered)
    run.fallen_in_a_row = run.fallen_in_a_row + 1 if fallen else 0
    if epoch == 0:  # only what is better than the start is worth keeping
        run.best_loss = score.loss
    better = epoch > 0 and not fallen and score.loss < run.best_loss
    if better:
        run.best_epoch, run.best_loss = epoch, score.loss
    return EpochFinished(
        epoch=epoch,
        step=run.step,
        elapsed=run.elapsed if epoch else 0.0,
        train_loss=train_loss,
        validation_loss=score.loss,
        correlation=score.correlation,
        fallen=fallen,
        weights=_copied(run.learner.average) if better else None,
    )


def _copied(network: nn.Module) -> Weights:
    return {name: value.float().cpu().numpy().copy() for name, value in network.state_dict().items()}


def _finished(run: Run, epochs: int) -> TrainingFinished:
    reason: Literal["completed", "fallen", "diverged"] = "completed"
    if run.fallen_in_a_row:
        reason = "fallen"
    if run.diverged:
        reason = "diverged"
    kept = f"The best epoch, {run.best_epoch}, is kept." if run.best_epoch else "No epoch was worth keeping."
    message = f"{MESSAGES[reason]} {kept}"
    return TrainingFinished(reason, message, epochs, run.best_epoch, run.best_loss, run.elapsed)


def _network(settings: TrainingSettings, linear: LinearFilter, start: Model | None) -> Network:
    network = build(settings.network, settings.seed, start)
    if start is not None:
        return loaded(network, start)
    if isinstance(network, UNet):
        network.linear.load_state_dict(linear.state_dict())
    return network


def _steps_per_epoch(regions: Sequence[Region], pixels: int) -> int:
    """Return how many batches of so many pixels are one pass over the regions, within limits."""
    least, most = STEPS_PER_EPOCH
    return min(most, max(least, sum(r.height * r.width for r in regions) // pixels))


def _started(
    run: Run, mode: Mode, regions: tuple[Sequence[Region], Sequence[Region]], references: References
) -> TrainingStarted:
    training, validation = (tuple(dict.fromkeys(region.pair.name for region in part)) for part in regions)
    return TrainingStarted(
        settings=run.settings,
        mode=mode,
        device=devices.describe(run.learner.place.device),
        precision=str(run.learner.place.number_format).removeprefix("torch."),
        parameters=sum(p.numel() for p in run.learner.network.parameters()),
        training=training,
        validation=validation,
        pixel_size=run.shown.pixel_size,
        references=references,
        epochs=run.settings.epochs,
        seconds=0.0 if run.settings.epochs else 60 * run.settings.minutes,
        steps_per_epoch=run.steps_per_epoch,
        working_pixel=run.shown.working_pixel,
        patch=run.held.source.edge,
        warnings=run.shown.warnings,
    )
