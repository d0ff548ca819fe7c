"""What a worker does in one task: it denoises a few files as a batch of one process does."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache
from itertools import takewhile
from pathlib import Path

from distributed import get_worker

from cryoden.compute import devices
from cryoden.compute.worker_side import PLACE, is_stopped, own_device, resident, room
from cryoden.dataset.half_names import HalfFiles
from cryoden.dataset.output_paths import Targets
from cryoden.denoising.denoise import Denoiser
from cryoden.denoising.denoisers import Denoisers
from cryoden.errors import CryodenError
from cryoden.events.batch import BatchEvent, BatchFinished, FileFailed, FileFinished, FileSkipped, FileWaiting
from cryoden.io.leftovers import remove_leftovers
from cryoden.io.provenance import VERSION
from cryoden.model.checkpoint import Model, load
from cryoden.workflows.denoise_file import BatchRequest
from cryoden.workflows.denoise_micrographs import denoise_targets
from cryoden.workflows.lanes import Lanes, pooled

End = FileFinished | FileSkipped | FileFailed


@dataclass(frozen=True)
class Item:
    """One file, where its result goes, Å/px where a list says it, and its halves, if any; absolute paths.

    ``summed`` are halves whose full sum it is, which are left out, ``summed_pixel_size`` their listed Å/px.
    """

    path: Path
    target: Path
    pixel_size: float | None
    pair: HalfFiles | None = None
    summed: HalfFiles | None = None
    summed_pixel_size: float | None = None


@dataclass(frozen=True)
class Job:
    """What a worker has to know of a batch; ``model`` is the SHA-256 of its model."""

    batch: BatchRequest
    model: str
    version: str = VERSION


@dataclass(frozen=True)
class GroupDenoised:
    """How files ended; ``finished`` says how long each stage took, where none was stopped or in use.

    ``in_use`` are those another process is making, ``worker`` is a name, ``device`` its device in words, and
    ``kind`` in torch's.
    """

    ends: tuple[End, ...]
    in_use: tuple[Item, ...]
    finished: BatchFinished | None
    worker: str
    device: str
    kind: str


def denoise_group(job: Job, run: str, group: Sequence[Item]) -> GroupDenoised:
    """Denoise files on this worker, whose model is loaded with the first of them.

    Parameters
    ----------
    job : Job
        The batch.
    run : str
        What it is stopped by, see `cryoden.compute.worker_side.stop`; between two tiles, then.
    group : sequence of Item
        What of it.

    Raises
    ------
    CryodenError
        C05 for another version of this program, or another model in the place of the one of the batch.
    ModelFileError
        For a model that cannot be used here.
    """
    settings = replace(job.batch.settings, device=own_device(job.batch.settings.device))
    device = devices.resolve(settings.device)  # each task may be in another thread, which has its own
    denoisers, lanes = resident(
        (job, settings), lambda: pooled(Denoiser(_model(job), settings), settings, share=PLACE.share)
    )
    for item in group:
        _tidy(run, item.target.parent)
    with room(device.type), closing(_events(job.batch, denoisers, group, lanes)) as events:
        heard = list(takewhile(lambda event: not (isinstance(event, FileWaiting) or is_stopped(run)), events))
    ends = tuple(event for event in heard if isinstance(event, End))
    finished = next((event for event in heard if isinstance(event, BatchFinished)), None)
    ended = {end.path for end in ends} if finished is None else {item.path for item in group}
    in_use = tuple(item for item in group if item.path not in ended)
    return GroupDenoised(
        ends, in_use, finished, str(get_worker().name), devices.describe(device), device.type
    )


def _events(
    batch: BatchRequest, denoisers: Denoisers, group: Sequence[Item], lanes: Lanes
) -> Generator[BatchEvent, None, None]:
    pairs = {item.path: item.pair for item in group if item.pair}
    summed = {item.path: item.summed for item in group if item.summed}
    targets = Targets({item.path: item.target for item in group}, pairs, summed=summed)
    sizes = {file: item.pixel_size for item in group for file in targets.files(item.path) if item.pixel_size}
    sizes |= {
        item.summed.even: item.summed_pixel_size for item in group if item.summed and item.summed_pixel_size
    }
    return denoise_targets(targets, denoisers, batch, sizes, lanes)


def _model(job: Job) -> Model:
    if job.version != VERSION:
        raise _differs(f"cryoden {VERSION}, not {job.version}", "Install the same version everywhere")
    model = load(job.batch.model)
    if model.sha256 != job.model:
        raise _differs(f"another model as {job.batch.model}", "Put it where all workers find the same")
    return model


def _differs(what: str, fix: str) -> CryodenError:
    return CryodenError("C05", None, f"the worker {get_worker().address} has {what}", fix=fix)


@cache
def _tidy(run: str, folder: Path) -> None:  # noqa: ARG001  once in each run
    """Remove what killed processes of this machine have left in a folder."""
    remove_leftovers(folder)
