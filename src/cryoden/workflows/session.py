"""A batch wherever it is worked on, by this process or by workers, and as long as micrographs arrive."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from cryoden.compute import devices
from cryoden.compute.hiring import hired, local, sharing_gpus
from cryoden.dataset.folder_walk import left_out_below
from cryoden.dataset.listed_files import pixel_sizes
from cryoden.dataset.output_paths import Targets, make_folder, make_ready
from cryoden.denoising.denoisers import Denoisers
from cryoden.errors import SettingsError
from cryoden.events.batch import BatchEvent, WorkersStarted
from cryoden.io.leftovers import remove_leftovers
from cryoden.model.checkpoint import load
from cryoden.settings.workers import WorkerSettings
from cryoden.workflows.batch import ending
from cryoden.workflows.denoise_micrographs import BatchRequest, denoise_targets, one_process
from cryoden.workflows.lanes import Lanes
from cryoden.workflows.watching import STOP, Arrivals, Run, watched


def denoise_session(
    paths: Sequence[Path],
    output: Path,
    batch: BatchRequest,
    workers: WorkerSettings | None = None,
    *,
    watch: bool = False,
    targets: Mapping[Path, Path] | None = None,
) -> Iterator[BatchEvent]:
    """Denoise files, folders and what is in lists, as `denoise_files` does, on one device or several.

    Parameters
    ----------
    paths : sequence of Path
        What to denoise.
    output : Path
        Folder of the results.
    batch : BatchRequest
        What stays the same.
    workers : WorkerSettings or None
        Who does it; this process where only one device is named, or none.
    watch : bool
        Whether to continue with what arrives, until a file `cryoden-stop` is in the output folder.
    targets : mapping of Path or None
        For each file where its result goes; ``None`` for the tree below the output folder.

    Raises
    ------
    CryodenError
        As `denoise_files`, and see `cryoden.compute.hiring.hired` and `cryoden.workflows.watching.Arrivals`;
        D01 at once where a path to watch does not exist.
    """
    find = partial(batch.targets, paths, output)
    if targets is None:
        targets = {} if watch else find()  # what is not there is said before anything is started
    targets = Targets.of(targets)
    if watch:
        _refuse_missing(paths)
        make_folder(output)
    with ExitStack() as held:
        held.callback(lambda: _tidy(output, targets))
        run = yield from _run(paths, batch, workers or WorkerSettings(), held)
        events = watched(Arrivals(find), run, output / STOP) if watch else run(targets)
        held.enter_context(closing(events))
        left_out = left_out_below(paths, output, results=False)
        yield from ending(events, len(targets.summed), left_out=left_out)


def _refuse_missing(paths: Sequence[Path]) -> None:
    """Raise D01 for a path that is not there: a wrong name would be waited for without end."""
    if missing := next((path for path in paths if not path.exists()), None):
        fix = "Make the folder first, or correct the path"
        raise SettingsError("D01", missing, "no such file or folder", kept="Nothing was done", fix=fix)


def _run(
    paths: Sequence[Path], batch: BatchRequest, workers: WorkerSettings, held: ExitStack
) -> Generator[BatchEvent, None, Run]:
    """Return what denoises some files, once its workers are there."""
    places = local(workers, batch.settings.device)
    if len(places) == 1:
        batch = replace(batch, settings=replace(batch.settings, device=places[0]))
        return partial(_here, paths, batch, *one_process(batch))
    load(batch.model)  # what is wrong with it is said before any worker is started
    crew = held.enter_context(hired(sharing_gpus(workers), batch.settings.device))
    yield WorkersStarted(crew.where, crew.dashboard)
    from cryoden.workflows.denoise_on_workers import denoise_on  # noqa: PLC0415  Dask is not installed everywhere

    return lambda targets: denoise_on(crew, batch, pixel_sizes(paths), targets)


def _tidy(output: Path, targets: Targets) -> None:
    """Remove what workers of this machine have left that were killed."""
    for folder in {output, *(target.parent for target in targets.values())}:
        remove_leftovers(folder)


def _here(
    paths: Sequence[Path], batch: BatchRequest, denoisers: Denoisers, lanes: Lanes, targets: Targets
) -> Generator[BatchEvent, None, None]:
    make_ready(targets, batch.settings.least_share)
    with closing(denoise_targets(targets, denoisers, batch, pixel_sizes(paths), lanes)) as events:
        yield from ending(events, device=devices.describe(denoisers.first.place.device))
