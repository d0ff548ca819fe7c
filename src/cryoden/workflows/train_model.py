"""Training on pairs of micrographs, kept on disk while it runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from cryoden.checkpoints.keeping import with_checkpoints
from cryoden.checkpoints.resume import resumable
from cryoden.checkpoints.run_data import described, is_on_disk
from cryoden.dataset.chosen_pairs import ChosenPairs, choose
from cryoden.dataset.half_checks import refuse_mixed_pixel_sizes
from cryoden.denoising.adapting import adapted_to
from cryoden.events.training import Mode, TrainingEvent, TrainingStarted
from cryoden.io.atomic import check_destination
from cryoden.micrograph import HalfPair, Windowed
from cryoden.model.checkpoint import Model, load
from cryoden.model.general import GENERAL
from cryoden.runs.folder import RunFolder
from cryoden.runs.keeper import Earlier, kept_in
from cryoden.runs.report import finished
from cryoden.runs.save_best import save_best
from cryoden.sampling.copies import without_copies
from cryoden.sampling.holdout import TrainingPair
from cryoden.settings.reading import ReadingSettings
from cryoden.settings.training import TrainingSettings
from cryoden.training.micrographs import train_on_micrographs
from cryoden.training.preview_request import RunControl
from cryoden.workflows.pictures import pictured


def train_halves(
    pairs: Sequence[HalfPair],
    keep: Path | RunFolder | None,
    settings: TrainingSettings,
    *,
    start: Path | None = None,
    overwrite: bool = False,
    control: RunControl | None = None,
) -> Iterator[TrainingEvent]:
    """Train by Noise2Noise on pairs of halves; see `cryoden.training.micrographs.train_on_micrographs`.

    Parameters
    ----------
    pairs : sequence of HalfPair
        Open files, or micrographs in memory.
    keep : Path, RunFolder or None
        Where the run is kept while it runs: a model file of its best epoch, or a folder with
        everything about it, which must not exist; ``None`` keeps nothing.
    settings : TrainingSettings
        What the user chose.
    start : Path, optional
        Model file to fine-tune, regardless of the settings.
    overwrite : bool
        Whether a model file already there may be replaced, which happens at the first best
        epoch and not before.
    control : RunControl, optional
        Where somebody looks at the run, and when it is to end.

    Raises
    ------
    CryodenError
        For anything that stands in the way, before the first step where it can be known.
    """
    chosen = _chosen(pairs, settings)
    halves = [TrainingPair(pair.even, pair.odd) for pair in chosen]
    begin = partial(_begun, mode="noise2noise", said=chosen.warnings, settings=settings)
    kept = _Keep(keep if _leads(control) else None, overwrite)
    return _trained(begin, halves, kept, _start(settings, start), control or RunControl())


def train_supervised(
    pairs: Sequence[tuple[Windowed, Windowed]],
    keep: Path | RunFolder | None,
    settings: TrainingSettings,
    *,
    start: Path | None = None,
    overwrite: bool = False,
    control: RunControl | None = None,
) -> Iterator[TrainingEvent]:
    """Train on noisy micrographs and what they should look like; see `train_halves`."""
    noisy_and_target = [TrainingPair(*pair) for pair in pairs]
    begin = partial(_begun, mode="supervised", said=(), settings=settings)
    kept = _Keep(keep if _leads(control) else None, overwrite)
    return _trained(begin, noisy_and_target, kept, _start(settings, start), control or RunControl())


def resume_training(
    run: Path,
    settings: TrainingSettings | None = None,
    pairs: Sequence[HalfPair] | Sequence[tuple[Windowed, Windowed]] | None = None,
    *,
    force: bool = False,
    control: RunControl | None = None,
) -> Iterator[TrainingEvent]:
    """Resume a run of `train_halves` or `train_supervised` from its last checkpoint.

    On the same machine it becomes the run that it would have been without interruption, bit for bit.

    Parameters
    ----------
    run : Path
        Its folder.
    settings : TrainingSettings, optional
        Those of the run without any.
    pairs : sequence, optional
        What it learns from; the files that it has recorded without any.
    force : bool
        Whether it continues with other settings or data than it had.
    control : RunControl, optional
        See `train_halves`.

    Raises
    ------
    TrainingError
        T17 for settings or data that differ, T18 for a run that is finished.
    CryodenError
        For a folder or files that cannot be read; see `cryoden.checkpoints.resume.resumable`.
    """
    control = control or RunControl()
    before = resumable(run, TrainingSettings, leads=_leads(control))
    chosen = settings or before.settings()
    assert isinstance(chosen, TrainingSettings)  # noqa: S101  `resumable` has looked
    if settings is None and not force:
        before.refuse_finished()
    known = before.data()
    training = [TrainingPair(*_sides(pair)) for pair in (known.pairs() if pairs is None else pairs)]
    mode: Mode = "supervised" if known.kind == "supervised" else "noise2noise"
    if pairs is not None:
        mode = "noise2noise" if isinstance(pairs[0], HalfPair) else "supervised"
    reading = ReadingSettings(**known.reading) if pairs is None else control.reading
    control = replace(control, state=before.state, reading=reading)
    kept = _Keep(None)
    if _leads(control):
        now = described(_files(training), mode, reading)
        kept = _Keep(RunFolder(run), earlier=before.earlier(chosen, now, force=force))
    begin = partial(_begun, mode=mode, said=getattr(pairs, "warnings", ()), settings=chosen, is_adapted=True)
    yield from _trained(begin, training, kept, before.start(), control)


def _sides(pair: HalfPair | tuple[Windowed, Windowed]) -> tuple[Windowed, Windowed]:
    return (pair.even, pair.odd) if isinstance(pair, HalfPair) else pair


def _files(pairs: Sequence[TrainingPair]) -> list[Windowed]:
    return [micrograph for pair in pairs for micrograph in (pair.noisy, pair.target)]


@dataclass(frozen=True)
class _Keep:
    """Where a run is kept, whether a model there may be replaced, and what it continues."""

    where: Path | RunFolder | None
    overwrite: bool = False
    earlier: Earlier | None = None


def _leads(control: RunControl | None) -> bool:
    """Return whether this process keeps the run: of several the first one does."""
    return control is None or control.ranks is None or control.ranks.leads


def _chosen(pairs: Sequence[HalfPair], settings: TrainingSettings) -> ChosenPairs:
    """Return the pairs that can be used, as far as they were not chosen before."""
    if settings.skip_bad_pairs and not isinstance(pairs, ChosenPairs):
        return choose([(pair.name, partial(_itself, pair)) for pair in pairs], skip_bad=True)
    refuse_mixed_pixel_sizes(pairs)
    return pairs if isinstance(pairs, ChosenPairs) else ChosenPairs(pairs)


def _itself(pair: HalfPair) -> HalfPair:
    return pair


def _begun(
    pairs: Sequence[TrainingPair],
    mode: Mode,
    said: tuple[str, ...],
    settings: TrainingSettings,
    start: Model | None,
    *,
    is_adapted: bool = False,
    **given: Any,
) -> Iterator[TrainingEvent]:
    """Train on micrographs, each once, from what a model is for them; record what is odd about them."""
    kept, copies = without_copies(pairs, [(pair.noisy, pair.target) for pair in pairs])
    if start is not None and not is_adapted:
        start = adapted_to([pair.noisy for pair in pairs], start, settings.device)
    for event in train_on_micrographs(kept, mode, settings, start=start, **given):
        if isinstance(event, TrainingStarted):
            event = replace(event, warnings=(*said, *copies, *event.warnings))  # noqa: PLW2901 - the same event
        yield event


def _start(settings: TrainingSettings, start: Path | None) -> Path | None:
    general = settings.start_from == "general" and settings.network == "unet"
    return start or (GENERAL if general else None)


def _trained(
    begin: partial[Iterator[TrainingEvent]],
    pairs: Sequence[TrainingPair],
    keep: _Keep,
    start: Path | Model | None,
    control: RunControl,
) -> Iterator[TrainingEvent]:
    model = load(start) if isinstance(start, Path) else start
    used, where = _files(pairs), keep.where
    files, sha256 = [one.path for one in used if one.path is not None], model.sha256 if model else None
    is_kept = isinstance(where, RunFolder) and is_on_disk(used)
    events = begin(pairs, start=model, control=replace(control, keeps_states=is_kept))
    if isinstance(where, RunFolder):
        kept = kept_in(where, events, files=files, start=sha256, earlier=keep.earlier)
        data = partial(described, used, begin.keywords["mode"], control.reading)
        states = with_checkpoints(kept, where, data, control.state)
        yield from finished(where, pictured(states, where, pairs))
    elif where is not None:
        check_destination(where, overwrite=keep.overwrite, inputs=files)
        yield from save_best(events, where, files=files, start=sha256)
    else:
        yield from events
