"""Whether a result is trustworthy, and better than the raw input, a low-pass or a Wiener filter.

A generator of events, like training and denoising: one exposure in memory at a time, one method
after the other, each scored without a truth, and against the truth where there is one.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cryoden.denoising.denoise import Denoiser
from cryoden.errors import SettingsError
from cryoden.evaluation.accumulate import Accumulator, Found
from cryoden.evaluation.checks import checked
from cryoden.evaluation.exposures import Exposure, Subject, open_subjects, read
from cryoden.evaluation.json_file import provenance
from cryoden.evaluation.methods import WAVELENGTHS, LowPass, Method, Other, Raw, Trained, Wiener
from cryoden.evaluation.scores import Checks, Scores, Table
from cryoden.evaluation.scoring import Halves, score
from cryoden.events.batch import TileFinished, WorkersStarted
from cryoden.events.quality import Coverage
from cryoden.model.checkpoint import Model, load, names_of
from cryoden.reporting.thumbnails import Picture
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.reading import ReadingSettings
from cryoden.settings.tools import EvaluationSettings


@dataclass(frozen=True)
class EvaluationRequest:
    """What shall be evaluated.

    Parameters
    ----------
    paths : sequence of Path
        Pairs of halves: files, folders, lists of RELION or cryoSPARC.
    models : sequence of Path
        Model files; each is named after its file, or its run folder.
    others : mapping of str to sequence of Path
        What other programs made of the halves, by the program's name.
    truth : sequence of Path
        Clean micrographs of simulated pairs.
    settings : EvaluationSettings
        How.
    reading : ReadingSettings or None
        How to read the files.
    """

    paths: Sequence[Path]
    models: Sequence[Path] = ()
    others: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    truth: Sequence[Path] = ()
    settings: EvaluationSettings = field(default_factory=EvaluationSettings)
    reading: ReadingSettings | None = None


@dataclass(frozen=True)
class EvaluationStarted:
    """What will be compared on what, all methods on one pair before the next."""

    pairs: tuple[str, ...]
    methods: tuple[str, ...]


@dataclass(frozen=True)
class MethodStarted:
    """One method begins on one pair; ``index`` counts from 0 over all pairs to ``total``."""

    pair: str
    method: str
    index: int
    total: int


@dataclass(frozen=True)
class MethodScored:
    """How the method did on the pair, and how far the training of a model covers it."""

    pair: str
    method: str
    scores: Scores
    checks: Checks | None
    coverage: Coverage | None = None


@dataclass(frozen=True)
class EvaluationFinished:
    """Everything that was found; pictures are of the first pair."""

    table: Table
    pictures: tuple[Picture, ...]
    seconds: float


EvaluationEvent = (
    WorkersStarted | EvaluationStarted | MethodStarted | TileFinished | MethodScored | EvaluationFinished
)


def evaluate_files(asked: EvaluationRequest) -> Iterator[EvaluationEvent]:
    """Evaluate files and note what the figures were made with; see `evaluate`.

    Raises
    ------
    CryodenError
        For files that do not belong together, or cannot be used.
    """
    found = open_subjects(asked.paths, truth=asked.truth, others=asked.others, reading=asked.reading)
    yield from evaluate_with(found, asked.models, asked.settings)


def evaluate_with(
    subjects: Sequence[Subject], models: Sequence[Path], settings: EvaluationSettings
) -> Iterator[EvaluationEvent]:
    """Evaluate model files on subjects, and note what the figures were made with; see `evaluate`."""
    loaded = {path: load(path) for path in models}
    for event in evaluate(subjects, trained(loaded, settings), settings):
        if isinstance(event, EvaluationFinished):
            made_with = provenance(subjects, loaded, settings)
            yield replace(event, table=replace(event.table, provenance=made_with))
        else:
            yield event


def trained(loaded: Mapping[Path, Model], settings: EvaluationSettings) -> list[Trained]:
    """Return model files as methods, each on its device."""
    names, denoising = names_of(loaded), denoising_of(settings)
    return [Trained(names[path], Denoiser(model, denoising)) for path, model in loaded.items()]


def denoising_of(settings: EvaluationSettings) -> DenoisingSettings:
    """Return how models denoise that are evaluated."""
    shared = ("device", "precision", "tile", "orientations", "ring_gains", "ice_ring")
    return DenoisingSettings(**{name: getattr(settings, name) for name in shared})


def evaluate(
    subjects: Sequence[Subject], models: Sequence[Trained], settings: EvaluationSettings
) -> Iterator[EvaluationEvent]:
    """Compare raw, low-passes, a Wiener filter, models, and what other programs made.

    Parameters
    ----------
    subjects : sequence of Subject
        Pairs of halves with what belongs to them; all hold the same other programs.
    models : sequence of Trained
        Models of this program, each under a name of its own.
    settings : EvaluationSettings
        What the user chose.

    Yields
    ------
    EvaluationEvent
        ``EvaluationStarted``, then for each pair and method ``MethodStarted``, tiles and
        ``MethodScored``, at last ``EvaluationFinished``.

    Raises
    ------
    SettingsError
        S05 when two methods have one name.
    CryodenError
        For pixels that cannot be used.
    """
    began = time.monotonic()
    methods = methods_for(subjects[0], models)
    yield EvaluationStarted(tuple(one.name for one in subjects), tuple(method.name for method in methods))
    kept = Accumulator(len(subjects) * len(methods), settings.phases_beyond)
    for subject in subjects:
        yield from evaluate_one(subject, methods, settings, kept)
    yield EvaluationFinished(kept.table(), tuple(kept.pictures), time.monotonic() - began)


def evaluate_one(
    subject: Subject, methods: Sequence[Method], settings: EvaluationSettings, kept: Accumulator
) -> Generator[EvaluationEvent, None, None]:
    """Compare methods on one subject, and keep what was found."""
    exposure = read(subject, center=settings.region == "center")
    kept.begin(exposure)
    for method in methods:
        yield from _tried(method, exposure, kept)
    kept.end()


def methods_for(subject: Subject, models: Sequence[Method]) -> list[Method]:
    """Return all that is compared, in order; raise S05 where two have one name."""
    pixel_size = subject.halves.even.pixel_size
    unit, finest = ("Å", 2 * pixel_size) if pixel_size else ("px", 2.0)
    low_passes = [LowPass(wavelength, unit) for wavelength in WAVELENGTHS if wavelength > finest]
    methods: list[Method] = [Raw(), *low_passes, Wiener(), *models, *map(Other, subject.others)]
    names = [method.name for method in methods]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SettingsError(
            "S05", None, f"two methods are named '{twice}'", fix="Rename a model file or --other"
        )
    return methods


def _tried(method: Method, exposure: Exposure, kept: Accumulator) -> Iterator[EvaluationEvent]:
    yield MethodStarted(exposure.name, method.name, kept.done, kept.total)
    denoised, seconds = yield from _timed(method, exposure)
    scores, sums = score(exposure, denoised, None if method.kind == "other" else seconds / 2)
    checks = checked(method, exposure, denoised, kept.beyond)
    covered = method.coverage(exposure) if isinstance(method, Trained) else None
    kept.add(method, exposure, denoised, Found(scores, sums, checks, covered))
    yield MethodScored(exposure.name, method.name, scores, checks, covered)


def _timed(method: Method, exposure: Exposure) -> Generator[TileFinished, None, tuple[Halves, float]]:
    """Pass tiles on; what others do between them is not counted."""
    seconds, work = 0.0, method.denoise(exposure)
    while True:
        began = time.perf_counter()
        try:
            tile = next(work)
        except StopIteration as end:
            return end.value, seconds + time.perf_counter() - began
        seconds += time.perf_counter() - began
        yield tile
