"""An evaluation on several workers: one pair after the other by each, in one table as if by one process."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from cryoden.compute import devices
from cryoden.compute.hiring import hired, local
from cryoden.errors import ModelFileError
from cryoden.evaluation.accumulate import Accumulator
from cryoden.evaluation.evaluate import (
    EvaluationEvent,
    EvaluationFinished,
    EvaluationRequest,
    EvaluationStarted,
    MethodScored,
    MethodStarted,
    evaluate_files,
    evaluate_one,
    methods_for,
    trained,
)
from cryoden.evaluation.exposures import Subject, open_subjects
from cryoden.evaluation.json_file import provenance
from cryoden.evaluation.methods import Other, Trained
from cryoden.events.batch import WorkersStarted
from cryoden.model.checkpoint import load, names_of
from cryoden.settings.tools import EvaluationSettings
from cryoden.settings.workers import WorkerSettings

if TYPE_CHECKING:
    from cryoden.compute.crew import Crew


@dataclass(frozen=True)
class Job:
    """What a worker has to know: model files with their SHA-256, and how to evaluate."""

    models: tuple[tuple[Path, str], ...]
    settings: EvaluationSettings


@dataclass(frozen=True)
class Scored:
    """What was found about one pair, by its number."""

    number: int
    kept: Accumulator
    events: tuple[MethodScored, ...]


def evaluate_anywhere(
    asked: EvaluationRequest, workers: WorkerSettings | None = None
) -> Iterator[EvaluationEvent]:
    """Evaluate files on one device or several; see `evaluate_files`, and `cryoden.compute.hiring.hired`."""
    chosen = workers or WorkerSettings()
    places = local(chosen, asked.settings.device)
    if len(places) == 1:
        yield from evaluate_files(replace(asked, settings=replace(asked.settings, device=places[0])))
        return
    asked = _absolute(asked)
    subjects = open_subjects(asked.paths, truth=asked.truth, others=asked.others, reading=asked.reading)
    with ExitStack() as held:
        crew = held.enter_context(hired(chosen, asked.settings.device))
        yield WorkersStarted(crew.where, crew.dashboard)
        yield from held.enter_context(closing(evaluate_on(crew, subjects, asked.models, asked.settings)))


def evaluate_on(
    crew: Crew, subjects: Sequence[Subject], models: Sequence[Path], settings: EvaluationSettings
) -> Generator[EvaluationEvent, None, None]:
    """Evaluate model files on subjects; see `cryoden.evaluation.evaluate.evaluate`.

    Pairs are scored in any order; the table is that of their own.

    Raises
    ------
    CryodenError
        C03 to C05 for workers that are gone, died of a pair or have something else.
    """
    began, loaded = time.monotonic(), {path: load(path) for path in models}
    job = Job(tuple((path, model.sha256) for path, model in loaded.items()), settings)
    methods = methods_for(subjects[0], [Other(name) for name in names_of(loaded).values()])
    yield EvaluationStarted(tuple(one.name for one in subjects), tuple(one.name for one in methods))
    found: dict[int, Accumulator] = {}
    with closing(crew.each(partial(evaluate_group, job), enumerate(subjects))) as all_scored:
        for scored in all_scored:
            yield from _events(scored, len(found), len(subjects))
            found[scored.number] = scored.kept
    kept = Accumulator(len(subjects) * len(methods), settings.phases_beyond)
    for number in range(len(subjects)):
        kept.add_all(found[number])
    table = replace(kept.table(), provenance=provenance(subjects, loaded, settings))
    yield EvaluationFinished(table, tuple(kept.pictures), time.monotonic() - began)


def evaluate_group(job: Job, run: str, group: Sequence[tuple[int, Subject]]) -> Scored:
    """Evaluate one pair on this worker, whose models are loaded with the first one.

    Raises
    ------
    CryodenError
        C05 for another model in the place of one that was asked for.
    """
    from cryoden.compute.worker_side import TURN, is_stopped, own_device, resident  # noqa: PLC0415  needs Dask

    ((number, subject),) = group
    settings = replace(job.settings, device=own_device(job.settings.device))
    methods = methods_for(subject, resident((job, settings), lambda: _models(job, settings)))
    devices.resolve(settings.device)  # each task may be in another thread, which has its own
    kept = Accumulator(len(methods), settings.phases_beyond)
    with TURN, closing(evaluate_one(subject, methods, settings, kept)) as events:
        heard = list(takewhile(lambda _: not is_stopped(run), events))
    if number:
        kept.pictures.clear()  # they are of the first pair
    return Scored(number, kept, tuple(event for event in heard if isinstance(event, MethodScored)))


def _models(job: Job, settings: EvaluationSettings) -> list[Trained]:
    loaded = {path: load(path) for path, _ in job.models}
    for path, sha256 in job.models:
        if loaded[path].sha256 != sha256:
            fix = "Put it where all workers find the same"
            raise ModelFileError("C05", path, "a worker has another model of this name", fix=fix)
    return trained(loaded, settings)


def _events(scored: Scored, before: int, pairs: int) -> Iterator[EvaluationEvent]:
    for at, event in enumerate(scored.events):
        index, total = before * len(scored.events) + at, pairs * len(scored.events)
        yield MethodStarted(event.pair, event.method, index, total)
        yield event


def _absolute(asked: EvaluationRequest) -> EvaluationRequest:
    """Return a request whose files have one name for all workers, wherever they run."""
    own = (asked.paths, asked.models, asked.truth)
    paths, models, truth = ([path.absolute() for path in some] for some in own)
    others = {name: [path.absolute() for path in files] for name, files in asked.others.items()}
    return replace(asked, paths=paths, models=models, truth=truth, others=others)
