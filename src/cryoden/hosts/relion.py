"""Denoising as an External job of RELION: only what is new is done, and the list of results written whole."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from cryoden.dataset.opening import open_halves
from cryoden.dataset.star_files import listing
from cryoden.errors import HalvesError, OutputError, TrainingError, printable
from cryoden.events.batch import BatchEvent
from cryoden.events.training import PhaseStarted, TrainingEvent, TrainingFinished
from cryoden.formats.names import stem_of
from cryoden.hosts.listed_results import Names, with_lists
from cryoden.hosts.relion_job import MICROGRAPHS, MODEL, RelionJob
from cryoden.io.atomic import atomic_write
from cryoden.runs.folder import RunFolder
from cryoden.settings.reading import ReadingSettings
from cryoden.settings.training import TrainingSettings
from cryoden.workflows.denoise_micrographs import BatchRequest, denoise_files
from cryoden.workflows.lanes import Lanes
from cryoden.workflows.train_model import train_halves

LISTED, TRAINED, TRAINING = "micrographs_denoised.star", "model.safetensors", "training"


@dataclass(frozen=True)
class RelionRequest:
    """What one job is to do.

    Parameters
    ----------
    job : RelionJob
        Where its output goes.
    micrographs : Path
        STAR file of the micrographs; to train on halves, with even and odd ones.
    names : {"replaced", "added"}
        See `cryoden.hosts.listed_results.with_lists`.
    """

    job: RelionJob
    micrographs: Path
    names: Names = "replaced"

    @property
    def listed(self) -> Path:
        """The list of results."""
        return self.job.folder / LISTED

    @property
    def trained(self) -> Path:
        """The model that a job trains."""
        return self.job.folder / TRAINED


def trained_in(
    request: RelionRequest,
    settings: TrainingSettings,
    start: Path | None = None,
    reading: ReadingSettings | None = None,
) -> Iterator[TrainingEvent]:
    """Train on the halves a STAR file lists, from a model file where one is given; the model is output.

    Each try has a run folder of its own in the job's: ``training``, ``training_2``.

    Raises
    ------
    TrainingError
        T01 when no epoch was better than the start.
    CryodenError
        For halves that cannot be found, read or used.
    """
    yield PhaseStarted("finding and checking the halves")
    run = _fresh(request.job.folder)
    ended: TrainingFinished | None = None
    for event in train_halves(open_halves([request.micrographs], reading), run, settings, start=start):
        ended = event if isinstance(event, TrainingFinished) else ended
        yield event
    if ended is None or ended.best_epoch == 0:
        message = ended.message if ended else "the run did not end"
        raise TrainingError("T01", None, message, kept="No model was saved")
    with atomic_write(request.trained) as part:
        shutil.copyfile(run.model, part)


def denoised_in(
    request: RelionRequest, batch: BatchRequest, lanes: Lanes | None = None
) -> Iterator[BatchEvent]:
    """Denoise the micrographs of a STAR file into a job's folder, where their whole names are kept.

    Results of an earlier start are not made again. The list of results has all of them.

    Raises
    ------
    CryodenError
        See `cryoden.workflows.denoise_micrographs.denoise_files`; D01 for a list of tilt series.
    """
    star, folder = request.micrographs, request.job.folder
    found = listing(star)
    if found is None:
        fix = "Give the STAR file of a motion correction or of a CTF estimation"
        raise HalvesError("D01", star, "lists tilt series, not micrographs", fix=fix)
    targets = {file: folder / place_of(file, found.project) for file in found.files}
    _refuse_twice(targets)
    events = denoise_files([star], folder, batch, lanes, targets)
    return with_lists(events, {star: request.listed}, names=request.names)


def announce(request: RelionRequest) -> None:
    """Say which files of a job are output: the list of results, and the model it has trained.

    Raises
    ------
    OutputError
        O02 to O06 when that cannot be written.
    """
    models = {request.trained: MODEL} if request.trained.is_file() else {}
    request.job.write_nodes({request.listed: MICROGRAPHS, **models})


def place_of(file: Path, project: Path) -> Path:
    """Return where below a job the result of a micrograph goes: as it lies below the project, or the root.

    A name is the same whichever others are in the list, so that a job that continues finds its results.
    """
    below = file.relative_to(project if file.is_relative_to(project) else file.anchor)
    return below.with_name(f"{stem_of(below)}_denoised.mrc")


def _refuse_twice(targets: Mapping[Path, Path]) -> None:
    taken: dict[Path, Path] = {}
    for file, target in targets.items():
        if taken.setdefault(target, file) != file:
            problem = f"{printable(taken[target])} would have the same result, {printable(target)}"
            raise OutputError("D07", file, problem, kept="Nothing was done", fix="Rename one of them")


def _fresh(folder: Path) -> RunFolder:
    """Return the first run folder that is not there."""
    names = (TRAINING if number == 1 else f"{TRAINING}_{number}" for number in count(1))
    return RunFolder(next(folder / name for name in names if not (folder / name).exists()))
