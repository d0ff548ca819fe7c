"""The run of the experiment, as a generator of the events every run tells."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from statistics import fmean
from typing import Any

from cryoden.compute import devices
from cryoden.errors import TrainingError
from cryoden.events.training import (
    EpochFinished,
    PhaseStarted,
    Speed,
    StepFinished,
    TrainingEvent,
    TrainingFinished,
    TrainingStarted,
)
from cryoden.experiment.engines import Engine, chosen
from cryoden.experiment.holdout import HeldPairs
from cryoden.experiment.stream import Known, Stream, order
from cryoden.model.networks import build
from cryoden.runs.convergence import standing
from cryoden.settings.baseline import BaselineSettings
from cryoden.training.validation import HeldOutSet

TOLD_SECONDS = 0.25  # losses are fetched this often: fetching waits for the device


@dataclass
class _State:
    settings: BaselineSettings
    engine: Engine
    held: HeldOutSet
    total: int  # steps of the whole run
    per_epoch: int
    pairs: int  # trained on, each once an epoch
    pair_bytes: int
    began: float = field(default_factory=time.monotonic)
    step: int = 0
    epochs: list[EpochFinished] = field(default_factory=list)
    lost: bool = False  # a loss was not finite

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.began

    @property
    def diverged(self) -> bool:
        return self.lost or self.epochs[-1].verdict.words == "diverged"


def train(
    pairs: Known, settings: BaselineSettings, *, pixel_size: float | None = None
) -> Iterator[TrainingEvent]:
    """Run the experiment on patch pairs, from disk or made on the fly.

    Yields
    ------
    TrainingEvent
        As `cryoden.training.train.train`; ``StepFinished`` comes in groups, some four times a second,
        and ``EpochFinished`` has the speed.

    Raises
    ------
    TrainingError
        G06 for too few pairs.
    CryodenError
        For pairs that cannot be read.
    """
    if len(pairs) < settings.held_out + settings.batch:
        problem = f"{len(pairs):,} pairs, of which {settings.held_out:,} are held out, make no batch"
        raise TrainingError("G06", None, problem, fix="Hold out fewer, or build more pairs")
    yield PhaseStarted("looking at the pairs")
    kept, learned = HeldPairs.of(pairs, settings)
    network = build("baseline", settings.seed)
    engine, why = chosen(network, settings)
    yield PhaseStarted("fitting the linear filter")
    held = HeldOutSet(kept, "supervised", engine.place, learned, pixel_size)
    trained = len(pairs) - len(kept)
    per_epoch = -(-trained // settings.batch)
    state = _State(settings, engine, held, settings.epochs * per_epoch, per_epoch, trained, 8 * pairs.edge**2)
    yield _started(state, pairs, kept, why, pixel_size)
    yield _judged(state, [], None)
    stream = Stream(pairs, settings.batch, settings.threads, pinned=engine.place.device.type == "cuda")
    try:
        yield from _epochs(state, stream, kept)
    finally:
        stream.close()
    yield _finished(state)


def _epochs(state: _State, stream: Stream, kept: HeldPairs) -> Iterator[TrainingEvent]:
    state.began = time.monotonic()
    for epoch in range(1, state.settings.epochs + 1):
        began, losses = time.monotonic(), list[float]()
        for event in _steps(state, stream, kept.others(order, epoch), kept.reader(epoch)):
            losses.append(event.loss)
            yield event
        seconds = time.monotonic() - began
        yield _judged(state, losses, _speed(state, len(losses), seconds))
        if state.diverged:
            return


def _steps(state: _State, stream: Stream, indices: Iterator[int], read: Any) -> Iterator[StepFinished]:
    """Take the steps of an epoch; a transfer is over before its buffer is filled again."""
    told, on_the_way = time.monotonic(), deque[Any]()
    for batch in takewhile(lambda _: not state.lost, stream.batches(indices, read)):
        state.engine.step(batch)
        on_the_way.append(devices.mark(state.engine.place.device))
        for waited in [on_the_way.popleft() for _ in range(len(on_the_way) - 1)]:
            waited()
        if time.monotonic() - told > TOLD_SECONDS:
            yield from _told(state)
            told = time.monotonic()
    yield from _told(state)


def _told(state: _State) -> Iterator[StepFinished]:
    for loss in state.engine.losses():
        state.step += 1
        state.lost |= not math.isfinite(loss)
        share, elapsed = state.step / state.total, state.elapsed
        rate, remaining = state.settings.learning_rate, elapsed * (1 - share) / share
        epoch = -(-state.step // state.per_epoch)
        yield StepFinished(state.step, epoch, float(loss), rate, elapsed, share, remaining)


def _judged(state: _State, losses: Sequence[float], speed: Speed | None) -> EpochFinished:
    state.engine.refresh()
    score = state.held.judge(state.engine.network)
    best = min((one.validation_loss for one in state.epochs), default=math.inf)
    better = bool(state.epochs) and score.loss < best
    weights = {
        name: value.float().cpu().numpy().copy() for name, value in state.engine.network.state_dict().items()
    }
    epoch = EpochFinished(
        epoch=len(state.epochs),
        step=state.step,
        elapsed=state.elapsed if state.step else 0.0,
        train_loss=fmean(losses) if losses else math.nan,
        validation_loss=score.loss,
        correlation=score.correlation,
        fallen=score.fallen,
        quality=score.quality,
        weights=weights if better else None,
        verdict=standing(state.held.references, [*(one.validation_loss for one in state.epochs), score.loss]),
        gpu_bytes=devices.memory_held(state.engine.place.device),
        speed=speed,
    )
    state.epochs.append(epoch)
    return epoch


def _speed(state: _State, steps: int, seconds: float) -> Speed:
    images = min(state.settings.batch * steps, state.pairs)  # the last batch may have fewer
    return Speed(seconds, steps / seconds, images / seconds, images * state.pair_bytes / seconds / 1e6)


def _started(
    state: _State, pairs: Known, kept: HeldPairs, why: str, pixel_size: float | None
) -> TrainingStarted:
    engine = state.engine
    return TrainingStarted(
        settings=state.settings,
        mode="supervised",
        device=devices.describe(engine.place.device),
        precision=engine.name
        if engine.name == "fused"
        else str(engine.place.number_format).removeprefix("torch."),
        parameters=sum(p.numel() for p in engine.network.parameters()),
        training=(f"{len(pairs) - len(kept):,} patch pairs",),
        validation=(f"{len(kept):,} patch pairs",),
        pixel_size=pixel_size,
        references=state.held.references,
        epochs=state.settings.epochs,
        seconds=0.0,
        steps_per_epoch=state.per_epoch,
        patch=pairs.edge,
        scale=pairs.settings.scale,
        warnings=(why,) if why else (),
    )


def _finished(state: _State) -> TrainingFinished:
    best = min(state.epochs[1:] or state.epochs, key=lambda one: one.validation_loss)
    reason: Any = "diverged" if state.diverged else "completed"
    ran_away = "The loss ran away: it diverged. Lower the learning rate."
    words = ran_away if state.diverged else "Training is complete."
    kept = f"The best epoch, {best.epoch}, is kept." if best.epoch else "No epoch was finished."
    return TrainingFinished(
        reason, f"{words} {kept}", len(state.epochs) - 1, best.epoch, best.validation_loss, state.elapsed
    )
