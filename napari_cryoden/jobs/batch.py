"""The batch of a viewer window: many files in, as many files out."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, cast

from cryoden.dataset.half_sums import Halves
from cryoden.dataset.opening import facts
from cryoden.dataset.survey import outside_projects
from cryoden.errors import Remark
from cryoden.events.batch import BatchEvent, FileFailed, FileFinished, FileSkipped
from cryoden.events.batch_progress import BatchProgress, summary
from cryoden.events.shown_results import ShownResults
from cryoden.formats import micrographs as files
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.reading import ReadingSettings
from cryoden.settings.workers import WorkerSettings
from napari_cryoden.jobs.denoising import DenoisingJob
from napari_cryoden.jobs.stack_reading import add_file
from napari_cryoden.layers import layer_data
from napari_cryoden.layers.file_layer import FileLayer, of_file
from napari_cryoden.layers.half_sum import sum_of_files
from napari_cryoden.layers.plane import plane_of
from napari_cryoden.preferences import preferences
from napari_cryoden.threads.job import Job
from napari_cryoden.threads.worker import leave_a_core

SUM: Halves = "sum"
KEPT = 100  # results remembered; more are on disk
Result = FileFinished | FileSkipped


class FilesJob(Job):
    """Works through many files, and remembers how that went.

    Attributes
    ----------
    tally : BatchProgress
        How the current batch stands, or the last one ended.
    failures : list of FileFailed
        Files without a result; a new list for each batch.
    results : deque
        The last files done, now or before.
    shown : ShownResults
        Those of a contact sheet.
    output : Path or None
        The folder of the results.
    """

    computes = True
    again = ""  # the words on the button that resumes

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self.tally = BatchProgress()
        self.failures: list[FileFailed] = []
        self.results: deque[Result] = deque(maxlen=KEPT)
        self.shown = ShownResults()
        self.output: Path | None = None

    def fresh(self, output: Path) -> None:
        """Forget what was done before."""
        self.tally, self.failures, self.results = BatchProgress(), [], deque(maxlen=KEPT)
        self.shown, self.output, self.progress = ShownResults(), output, None

    def fold(self, event: BatchEvent) -> None:
        """Count files, and remember what failed and what was done last."""
        self.tally.add(event)
        self.shown.add(event)
        if isinstance(event, FileFailed):
            self.failures.append(event)
        elif isinstance(event, Result):
            self.results.append(event)
        self.progress, self.status = self.tally.progress, self.tally.status_line()

    def conclusion(self, stopped: bool) -> str:
        """Return what was done and where it is."""
        if self.tally.ended is not None:
            return f"{summary(self.tally.ended)}, in {self.output}"
        how = "Canceled" if stopped else "Ended"
        return f"{how}: {self.tally.done:,} done, in {self.output}. {self.again} resumes from there."


class BatchJob(FilesJob):
    """Denoises the files of a folder or of a STAR file.

    Attributes
    ----------
    micrographs : Path or None
        What was given.
    workers : WorkerSettings
        Who does the next batch: this process, or a process on each of several devices.
    halves : {"sum", "each"}
        What the next batch denoises of two halves.
    remarks : list of Remark
        What is odd about the list that the current batch, or the last one, was given.
    """

    title, again = "Denoising a batch", "Denoise all"

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self.micrographs: Path | None = None
        self.workers, self.halves = WorkerSettings(), SUM
        self.remarks: list[Remark] = []
        self._made_with: dict[str, Any] = {}

    def denoise(
        self,
        micrographs: Path,
        output: Path,
        model: Path,
        settings: DenoisingSettings,
        overwrite: bool = False,
        reading: ReadingSettings | None = None,
    ) -> None:
        """Begin with a folder, a STAR file or one micrograph.

        Raises
        ------
        TrainingError
            G05 while another batch is running.
        """
        spare = preferences().spare_cores
        batch = {"model": model, "settings": settings, "overwrite": overwrite, "reading": reading}
        batch["halves"] = self.halves
        work = partial(_denoising, micrographs, output, batch, self.workers, spare)
        alone = self.workers == WorkerSettings()
        self.begin(work, "loading the model" if alone else "starting a process on each device")
        self.fresh(output)
        self.micrographs, self.remarks = micrographs, []
        self._made_with = layer_data.made_with(model, settings)
        self.changed.emit()

    def fold(self, event: BatchEvent | Remark) -> None:
        """Keep what is odd about the list; see `FilesJob.fold`."""
        if isinstance(event, Remark):
            self.remarks.append(event)
        else:
            super().fold(event)

    def open_result(self, result: Result) -> None:
        """Show a result beside its micrograph.

        Raises
        ------
        MicrographError
            When one of the two cannot be read any more.
        """
        facts(result.output)  # first: one that is gone is said before its micrograph is shown
        raw = self._raw(result)
        shown = self._layer({"role": "denoised", "file": str(result.output)}) or add_file(
            self.viewer, self._of_result(raw, result.output)
        )
        DenoisingJob.of(self.viewer).comparison.show(raw, shown)

    def _raw(self, result: Result) -> Any:
        """Return the layer of what a result was made from."""
        if result.odd is None:
            known = self._layer({"role": "raw", "source": str(result.path)})
            return known or add_file(self.viewer, of_file(result.path)[0])
        known = self._layer({"role": "raw", "halves": (str(result.path), str(result.odd))})
        return known or add_file(self.viewer, sum_of_files(result.path, result.odd))

    def _of_result(self, raw: Any, output: Path) -> FileLayer:
        """Return the layer of a result: exactly on the raw one, unless it is a stack, or binned."""
        found = facts(output)
        if found.nz > 1 or found.shape != plane_of(raw).size:
            return of_file(output)[0]
        made_with = self._made_with | {"file": str(output)}
        return layer_data.result_layer(raw, files.read(output), made_with)

    def _layer(self, known: dict[str, Any]) -> Any:
        """Return the layer with these facts, ``None`` where it is not open."""
        open_ones = (one for one in self.viewer.layers if known.items() <= layer_data.facts_of(one).items())
        return next(open_ones, None)


def _denoising(
    micrographs: Path, output: Path, batch: dict[str, Any], workers: WorkerSettings, spare_cores: int
) -> Generator[BatchEvent | Remark, None, None]:
    leave_a_core(spare_cores)
    yield from outside_projects([micrographs])  # before any file is read
    from cryoden.hosts.listed_results import lists_of, with_lists  # noqa: PLC0415  numpy only where it is needed
    from cryoden.workflows.denoise_micrographs import BatchRequest  # noqa: PLC0415  it loads torch, which docking must not
    from cryoden.workflows.session import denoise_session  # noqa: PLC0415  the same

    request = BatchRequest(**batch)
    made = denoise_session([micrographs], output, request, workers)
    events = with_lists(made, lists_of([micrographs], output), overwrite=request.overwrite)
    with closing(cast("Generator[BatchEvent, None, None]", events)):
        yield from events
