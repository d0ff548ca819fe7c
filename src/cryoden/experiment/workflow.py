"""The workflows of the experiment: all that the command line calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from threading import Event
from typing import Any

import numpy as np

from cryoden.compute import devices
from cryoden.errors import TrainingError
from cryoden.events.closing import closed
from cryoden.events.training import PhaseStarted, TrainingEvent, TrainingFinished, TrainingStarted
from cryoden.experiment.outcome import keep_outcome
from cryoden.experiment.pair_grid import Indices, divided, sample
from cryoden.experiment.pairs import PatchPairs
from cryoden.experiment.pairs_on_gpu import made_on_gpu, training_batches
from cryoden.experiment.store import PatchStore
from cryoden.experiment.training_pairs import HeldPairs, PatchSet, TrainingPairs, read_pair
from cryoden.model.networks import build
from cryoden.runs.folder import RunFolder
from cryoden.runs.keeper import kept_in
from cryoden.runs.report import finished
from cryoden.settings.baseline import BaselineSettings
from cryoden.training.engines import Engine, chosen
from cryoden.training.plan import Plan
from cryoden.training.source import Batch
from cryoden.training.train import train
from cryoden.training.validation import HeldOutSet

FIT_PIXELS = 1 << 22  # of training pairs, for the linear filter


def baseline(
    pairs: PatchStore | PatchPairs,
    folder: RunFolder,
    settings: BaselineSettings,
    data: Mapping[str, Any] | None = None,
    stop: Event | None = None,
) -> Iterator[TrainingEvent]:
    """Run the experiment and keep it in a run folder, which must not exist.

    ``data`` says where the pairs lie; see `cryoden.experiment.data_source.data_source`. ``stop``
    is set by whoever wants the run to end; see `cryoden.training.plan.Plan`.

    Raises
    ------
    CryodenError
        For pairs that cannot be read, settings that do not fit, or a folder that cannot be had.
    """
    yield from finished(folder, _judged(pairs, folder, settings, data, stop))


def _judged(
    pairs: PatchSet,
    folder: RunFolder,
    settings: BaselineSettings,
    data: Mapping[str, Any] | None,
    stop: Event | None,
) -> Iterator[TrainingEvent]:
    """Pass the run on; before its last event, find out how good what it learned is, unless it was stopped."""
    with closed(kept_in(folder, train_on_pairs(pairs, settings, stop), data=data)) as events:
        for event in events:
            yield from _outcome(event, pairs, folder, settings)
            yield event


def _outcome(
    event: TrainingEvent, pairs: PatchSet, folder: RunFolder, settings: BaselineSettings
) -> Iterator[TrainingEvent]:
    if isinstance(event, TrainingFinished) and event.reason != "stopped":
        yield PhaseStarted("evaluating the best model")
        keep_outcome(pairs, settings.validation_pairs, folder, settings.device)


def train_on_pairs(
    pairs: PatchSet, settings: BaselineSettings, stop: Event | None = None
) -> Iterator[TrainingEvent]:
    """Run the experiment on patch pairs, from disk or made on the fly.

    Yields
    ------
    TrainingEvent
        ``PhaseStarted`` events, one ``TrainingStarted``, and those of `cryoden.training.train.train`.

    Raises
    ------
    SettingsError
        S02 for a device that is not there.
    TrainingError
        G06 for too few pairs.
    CryodenError
        For pairs that cannot be read.
    """
    devices.resolve(settings.device)  # one that is not there is said before anything is read
    yield PhaseStarted("checking the pairs")
    training, held = divided(pairs.grid, settings.validation_pairs)
    if len(training) < settings.batch:
        kept = len(pairs) - len(training)
        used = f"{kept:,} of them for validation or next to those"
        problem = f"{len(pairs):,} pairs, {used}, are too few for a batch"
        raise TrainingError("G06", None, problem, fix="Use fewer pairs for validation, or build more")
    engine, why = chosen(build("baseline", settings.seed), settings)
    source = TrainingPairs(pairs, training, settings)
    if made_on_gpu(pairs, engine.place.device):
        yield PhaseStarted("reading the micrographs")
    batches = training_batches(pairs, source, engine.place.device, settings.threads)
    learned = _learned(pairs, training, settings)
    yield PhaseStarted("fitting the Wiener filter")
    holdout = HeldOutSet(HeldPairs(pairs, held), "supervised", engine.place, learned, pairs.pixel_size)
    plan = Plan(source.steps, epochs=settings.epochs, stop=stop or Event())
    counts = {"training": (f"{len(training):,} patch pairs",), "validation": (f"{len(held):,} patch pairs",)}
    known = {"scale": pairs.settings.scale, "pixel_size": pairs.pixel_size}
    more = {**counts, **known, "warnings": (why,) if why else ()}
    yield _started(settings, engine, plan, holdout, more)
    yield from train(batches, engine, holdout, plan)


def _learned(pairs: PatchSet, training: Indices, settings: BaselineSettings) -> Batch:
    """Return some pairs of the training, evenly spread, to fit filters to."""
    most = max(1, min(4 * settings.validation_pairs, FIT_PIXELS // pairs.edge**2))
    read = [read_pair(pairs, int(training[at])) for at in sample(len(training), most)]
    return Batch(*(np.concatenate([getattr(one, side) for one in read]) for side in ("noisy", "target")))


def _started(
    settings: BaselineSettings, engine: Engine, plan: Plan, holdout: HeldOutSet, more: Mapping[str, Any]
) -> TrainingStarted:
    place = engine.place
    return TrainingStarted(
        settings=settings,
        mode="supervised",
        device=devices.describe(place.device),
        precision="fused" if engine.name == "fused" else str(place.number_format).removeprefix("torch."),
        parameters=sum(p.numel() for p in engine.judged().parameters()),
        references=holdout.references,
        epochs=plan.epochs,
        seconds=plan.seconds,
        steps_per_epoch=plan.steps_per_epoch,
        patch=holdout.source.edge,
        batch=settings.batch,
        **more,
    )
