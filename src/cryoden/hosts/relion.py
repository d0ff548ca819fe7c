"""Denoising as an External job of RELION: only what is new is done, and the list of results written whole."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count, takewhile
from pathlib import Path
from typing import Literal

from cryoden.checkpoints.resume import continues, wait_until_free
from cryoden.dataset.half_sums import of_list, without_half
from cryoden.dataset.output_paths import Targets
from cryoden.dataset.star_files import listing
from cryoden.errors import HalvesError, OutputError, RunError, TrainingError, printable
from cryoden.events.batch import BatchEvent
from cryoden.formats.names import result_suffix, stem_of
from cryoden.hosts.listed_results import Names, with_lists
from cryoden.hosts.relion_job import MICROGRAPHS, MODEL, RelionJob
from cryoden.io.atomic import atomic_write
from cryoden.runs.folder import RunFolder
from cryoden.runs.record import read
from cryoden.settings.workers import WorkerSettings
from cryoden.workflows.denoise_micrographs import BatchRequest, denoise_files
from cryoden.workflows.lanes import Lanes
from cryoden.workflows.session import denoise_session

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


def run_of(request: RelionRequest, say: Callable[[str], None]) -> tuple[RunFolder, bool]:
    """Return the folder of a job's training, and whether a run that an earlier start began is continued.

    A run that ended without a model, or has no checkpoint, stays as it is, and the next one has a folder of
    its own: ``training``, ``training_2``. One that still runs is waited for, which ``say`` is called with.
    """
    names = (TRAINING if number == 1 else f"{TRAINING}_{number}" for number in count(1))
    runs = (RunFolder(request.job.folder / name) for name in names)
    there = list(takewhile(lambda run: run.path.exists(), runs))
    if there and _is_begun(there[-1], say):
        return there[-1], True
    taken = [run for run in there if run.path.exists()]
    return RunFolder(request.job.folder / (f"{TRAINING}_{len(taken) + 1}" if taken else TRAINING)), False


def _is_begun(run: RunFolder, say: Callable[[str], None]) -> bool:
    try:
        for phase in wait_until_free(run.path):
            say(f"{phase.phase} …")
        return continues(run.path) and (run.model.is_file() or not read(run.path).is_over)
    except RunError:
        return False


def keep_model(request: RelionRequest, run: RunFolder) -> None:
    """Make the model of a run that has ended the job's.

    Raises
    ------
    TrainingError
        T01 when no epoch was better than the start.
    """
    if not run.model.is_file():
        raise TrainingError("T01", None, read(run.path).message, kept="No model was saved")
    with atomic_write(request.trained) as part:
        shutil.copyfile(run.model, part)


def denoised_in(
    request: RelionRequest,
    batch: BatchRequest,
    lanes: Lanes | None = None,
    workers: WorkerSettings | None = None,
) -> Iterator[BatchEvent]:
    """Denoise the micrographs of a STAR file into a job's folder, where their whole names are kept.

    Results of an earlier start are not made again. The list of results has all of them. ``lanes`` is for
    a job that does it all by itself, without ``workers``.

    Raises
    ------
    CryodenError
        See `cryoden.workflows.session.denoise_session`; D01 for a list of tilt series.
    """
    star, folder = request.micrographs, request.job.folder
    found = listing(star, halves=True)
    if found is None:
        fix = "Give the STAR file of a motion correction or of a CTF estimation"
        raise HalvesError("D01", star, "lists tilt series, not micrographs", fix=fix)
    planned, wanted = of_list(star).planned, batch.settings.format
    targets = Targets(
        {one.file: folder / place_of(one.file, found.project, wanted, one.stem) for one in planned},
        {one.file: one.pair for one in planned if one.pair},
    )
    _refuse_twice(targets)
    if workers is not None and workers != WorkerSettings():
        events = denoise_session([star], folder, batch, workers, targets=targets)
    else:
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


def place_of(
    file: Path, project: Path, wanted: Literal["auto", "mrc", "tiff"] = "auto", stem: str = ""
) -> Path:
    """Return where below a job the result of a micrograph goes: as it lies below the project, or the root.

    A name is the same whichever others are in the list, so that a job that continues finds its results.
    RELION reads micrographs that are MRC files, and so results are, of TIFF files as well, unless others are
    wanted. Of an even half ``stem`` is the name of both.
    """
    below = file.relative_to(project if file.is_relative_to(project) else file.anchor)
    suffix = result_suffix(below, "mrc" if wanted == "auto" else wanted)
    folder = without_half(below.parent) if stem else below.parent
    return folder / f"{stem or stem_of(below)}_denoised{suffix}"


def _refuse_twice(targets: Mapping[Path, Path]) -> None:
    taken: dict[Path, Path] = {}
    for file, target in targets.items():
        if taken.setdefault(target, file) != file:
            problem = f"{printable(taken[target])} would have the same result, {printable(target)}"
            raise OutputError("D07", file, problem, kept="Nothing was done", fix="Rename one of them")
