"""The workflows of the experiment: all that the command line calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cryoden.checkpoints.keeping import with_checkpoints
from cryoden.checkpoints.resume import resumable
from cryoden.compute import devices
from cryoden.errors import PatchFileError, RunError, TrainingError
from cryoden.events.closing import closed
from cryoden.events.training import PhaseStarted, TrainingEvent, TrainingFinished, TrainingStarted
from cryoden.experiment.data_source import files_of, opened_again
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
from cryoden.sampling.source import Batch
from cryoden.settings.baseline import BaselineSettings
from cryoden.training.engines import Engine, chosen
from cryoden.training.plan import Plan
from cryoden.training.preview_request import RunControl, state_every
from cryoden.training.train import train
from cryoden.training.validation import HeldOutSet

FIT_PIXELS = 1 << 22  # of training pairs, for the linear filter


def baseline(
    pairs: PatchStore | PatchPairs,
    folder: RunFolder,
    settings: BaselineSettings,
    data: Mapping[str, Any] | None = None,
    control: RunControl | None = None,
) -> Iterator[TrainingEvent]:
    """Run the experiment and keep it in a run folder, which must not exist.

    ``data`` says where the pairs lie; see `cryoden.experiment.data_source.data_source`. Only a run of
    which it is known can be resumed.

    Raises
    ------
    CryodenError
        For pairs that cannot be read, settings that do not fit, or a folder that cannot be had.
    """
    control = replace(control or RunControl(), keeps_states=data is not None)
    judged = _judged(train_on_pairs(pairs, settings, control), pairs, folder, settings)
    kept = kept_in(folder, judged, data=data)
    yield from finished(folder, _with_states(kept, folder, pairs, data, control))


def resume(
    run: Path,
    settings: BaselineSettings | None = None,
    pairs: tuple[PatchStore | PatchPairs, Mapping[str, Any]] | None = None,
    *,
    force: bool = False,
    control: RunControl | None = None,
) -> Iterator[TrainingEvent]:
    """Resume a run of the experiment; see `cryoden.workflows.train_model.resume_training`.

    ``pairs`` are pairs and what `cryoden.experiment.data_source.data_source` says of them; without any, those
    of the run.
    """
    before = resumable(run, BaselineSettings)
    chosen = settings or before.settings()
    assert isinstance(chosen, BaselineSettings)  # noqa: S101  `resumable` has looked
    if settings is None and not force:
        before.refuse_finished()
    known = before.record.about["data"] or {}
    found, data = pairs or (_opened_again(known), known)
    control = replace(control or RunControl(), keeps_states=True, state=before.state)
    earlier = before.earlier(chosen, files_of(found, data), force=force)
    judged = _judged(train_on_pairs(found, chosen, control), found, before.folder, chosen)
    kept = kept_in(before.folder, judged, data=data, earlier=earlier)
    yield from finished(before.folder, _with_states(kept, before.folder, found, data, control))


def _opened_again(known: Mapping[str, Any]) -> PatchStore | PatchPairs:
    try:
        return opened_again(known)
    except PatchFileError as error:
        fix = "Put them back, or name the data of the run"
        raise RunError("R07", error.file, error.problem, kept="The run is untouched", fix=fix) from None


def _with_states(
    events: Iterator[TrainingEvent],
    folder: RunFolder,
    pairs: PatchStore | PatchPairs,
    data: Mapping[str, Any] | None,
    control: RunControl,
) -> Iterator[TrainingEvent]:
    return with_checkpoints(events, folder, partial(files_of, pairs, data or {}), control.state)


def _judged(
    events: Iterator[TrainingEvent], pairs: PatchSet, folder: RunFolder, settings: BaselineSettings
) -> Iterator[TrainingEvent]:
    """Pass the run on; before its last event, find out how good what it learned is, unless it was stopped.

    Whoever keeps the run sees its end only then: one that could not be judged has failed, and is resumed.
    """
    with closed(events):
        for event in events:
            yield from _outcome(event, pairs, folder, settings)
            yield event


def _outcome(
    event: TrainingEvent, pairs: PatchSet, folder: RunFolder, settings: BaselineSettings
) -> Iterator[TrainingEvent]:
    if isinstance(event, TrainingFinished) and event.reason != "stopped":
        yield PhaseStarted("evaluating the best model")
        keep_outcome(pairs, settings.validation_pairs, folder, settings.device, learned=event.best_epoch > 0)


def train_on_pairs(
    pairs: PatchSet, settings: BaselineSettings, control: RunControl | None = None
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
    control = control or RunControl()
    every = state_every(settings.checkpoint_minutes) if control.keeps_states else None
    plan = Plan(source.steps, epochs=settings.epochs, state_every=every, stop=control.stop)
    counts = {"training": (f"{len(training):,} patch pairs",), "validation": (f"{len(held):,} patch pairs",)}
    known = {"scale": pairs.settings.scale, "pixel_size": pairs.pixel_size}
    more = {**counts, **known, "warnings": (why,) if why else ()}
    yield _started(settings, engine, plan, holdout, more)
    yield from train(batches, engine, holdout, plan, state=control.state)


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
