"""The training run of a viewer window."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, cast

from qtpy.QtCore import Signal

from cryoden.events.history import History, warnings_of
from cryoden.events.training import (
    EpochFinished,
    PhaseStarted,
    PreviewMade,
    Resumed,
    StepFinished,
    TrainingEvent,
    TrainingFinished,
)
from cryoden.events.training_status import figure
from cryoden.micrograph import HalfPair, Windowed
from cryoden.runs.folder import RunFolder
from cryoden.settings.training import TrainingSettings
from cryoden.training.preview_request import PreviewRequest, RunControl
from napari_cryoden.jobs.resuming import Changed, resuming
from napari_cryoden.layers.layer_data import View
from napari_cryoden.notify import show_remarks
from napari_cryoden.preferences import preferences
from napari_cryoden.threads.job import Job
from napari_cryoden.threads.worker import Worker, leave_a_core

logger = logging.getLogger(__name__)

ENDS = {
    "completed": "Done",
    "stopped": "Stopped",
    "plateau": "Stopped early: the validation loss no longer improved",
    "collapsed": "Ended: the output collapsed to a constant. Lower the learning rate",
    "diverged": "Ended: the loss diverged. Lower the learning rate",
}
Pairs = Sequence[HalfPair] | Sequence[tuple[Windowed, Windowed]]


class TrainingJob(Job):
    """One training at a time, with its history and the run folder it writes.

    Attributes
    ----------
    history : History or None
        Of the current run, else of the last one.
    earlier : History or None
        Of the run before that.
    previews : PreviewRequest
        Where the user looks at a run.
    preview_of : tuple
        The layer looked at, ``None`` for none, and what was in view of it.
    folder : RunFolder or None
        Of the current run, else of the last one.
    model_file : Path or None
        The last model this window trained; set as soon as it is on disk.
    good_model : Path or None
        The last one that validation calls good to use: better than a Wiener filter.
    changed_run : Changed or None
        The run that was to be resumed last, where it was refused because of what has changed.

    Signals
    -------
    previewed : PreviewMade
        A new picture of what the user looks at.
    """

    previewed = Signal(object)
    title = "Training"
    computes = True

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self.history: History | None = None
        self.earlier: History | None = None
        self.previews = PreviewRequest()
        self.preview_of: tuple[Any, View | None] = None, None
        self.folder: RunFolder | None = None
        self.model_file: Path | None = None
        self.good_model: Path | None = None
        self.changed_run: Changed | None = None
        self._start: Path | None = None
        self._reason = ""
        self._discarded = False
        self._control: RunControl | None = None  # of the current run

    def train(
        self,
        opened: Callable[[], Pairs],
        folder: Path,
        settings: TrainingSettings,
        start: Path | None = None,
    ) -> None:
        """Begin a run on what ``opened`` gives when the worker calls it; ``folder`` must not exist.

        Raises
        ------
        TrainingError
            G05 while a run is active.
        """
        control, spare = RunControl(self.previews), preferences().spare_cores
        given, keep = {"start": start, "control": control}, RunFolder(folder)
        begin = partial(_training, opened, keep, settings, given)
        self.begin(lambda: _computed(begin, spare), "starting")
        self._start_history(keep, control, start)

    def resume(self, folder: Path, *, force: bool = False) -> None:
        """Continue a run that was stopped, failed or was killed, from its last checkpoint.

        One whose data have changed is refused, and is then `changed_run`, unless that is forced.

        Raises
        ------
        TrainingError
            G05 while a run is active.
        """
        control, spare = RunControl(self.previews), preferences().spare_cores
        begin = partial(resuming, folder, control, force=force)
        self.begin(lambda: _computed(begin, spare), "resuming")
        self._start_history(RunFolder(folder), control, None)

    def _start_history(self, keep: RunFolder, control: RunControl, start: Path | None) -> None:
        if self.history is not None and self.history.epochs:
            self.earlier = self.history
        self.history, self.folder, self._start = History(), keep, start
        self._reason, self.progress, self._discarded, self._control = "", None, False, control
        self.changed_run = None

    def discard(self) -> None:
        """Stop, and remove what this run wrote."""
        self._discarded = self.running
        self.stop()
        if self._worker is not None:
            self._worker.stop()  # there is nothing to keep

    def _ask_for_the_end(self, worker: Worker) -> None:
        """Let a run that has begun validate what it has learned, and keep it."""
        if self._control is None or self._discarded or self.history is None or not self.history.epochs:
            worker.stop()
            return
        self._control.stop.set()
        worker.pause(False)
        if self.closing:
            worker.leave()

    def say_how_it_ended(self, ended: bool) -> None:
        """Say where what was learned is, or will be in a moment."""
        if ended:
            logger.warning("%s", self.status)
        elif self._control is not None and self._control.stop.is_set() and self.folder is not None:
            logger.warning("The training ends: what it has learned will be in %s", self.folder.path)

    def fold(self, event: TrainingEvent | Changed) -> None:
        """Add one event to the history and update the status line."""
        if isinstance(event, Changed):
            self.changed_run = event
            return
        if self.history is None:
            return
        self.history.add(event)
        show_remarks("training", warnings_of(event))
        if isinstance(event, StepFinished):
            self.progress = event.progress
        elif isinstance(event, PreviewMade):
            self.previewed.emit(event)
        elif isinstance(event, Resumed):
            self._add_model(event.best)
        elif isinstance(event, EpochFinished) and event.epoch > 0 and event.weights is not None:
            self._add_model(event)
        elif isinstance(event, TrainingFinished):
            self._reason = event.reason
        self.status = self.history.status_line()

    def _add_model(self, best: EpochFinished | None) -> None:
        """Remember that the run has saved the model of an epoch."""
        self.model_file = self.model_file if best is None else self._written
        if best is not None and best.verdict.level == "good":
            self.good_model = self._written

    def conclusion(self, stopped: bool) -> str:
        """Return how it ended and where the model is."""
        if self._discarded:
            return "Discarded: no model was saved."
        best = self.history.best if self.history is not None else None
        how = ENDS.get(self._reason) or ("Stopped" if stopped else "Ended")
        if self.folder is None or self.model_file != self._written or best is None:
            return f"{how}. {self._no_model()}"
        of = figure(self.history.started.references, best) if self.history and self.history.started else ""
        model = f"Model of epoch {best.epoch} ({of})"
        return f"{how}. {model} saved in {self.folder.path}"

    @property
    def saved(self) -> bool:
        """Whether the current run, or the last one, has a model on disk."""
        return self.model_file is not None and self.model_file == self._written

    @property
    def _written(self) -> Path | None:
        """Where this run puts its model."""
        return self.folder.model if self.folder is not None else None

    def _finish(self) -> None:
        self._control = None
        if self._discarded and self.folder is not None and self.history and self.history.started:
            self.model_file = None if self.model_file == self._written else self.model_file
            self.good_model = None if self.good_model == self._written else self.good_model
            self.folder.remove()
        super()._finish()

    def _no_model(self) -> str:
        if self.history is None or not any(epoch.epoch for epoch in self.history.epochs):
            return "No epoch was completed: no model was saved."
        if self._start is not None:
            return f"No epoch was better than the starting model, {self._start.name}: no model was saved."
        if self._reason in {"collapsed", "diverged"}:
            return "No model was saved."
        return "No epoch was better than the starting model: no model was saved."


def _computed(
    begin: Callable[[], Iterator[TrainingEvent | Changed]], spare_cores: int
) -> Generator[TrainingEvent | Changed, None, None]:
    yield PhaseStarted("loading PyTorch")
    leave_a_core(spare_cores)
    with closing(cast("Generator[TrainingEvent | Changed, None, None]", begin())) as events:
        yield from events


def _training(
    opened: Callable[[], Pairs], keep: RunFolder, settings: TrainingSettings, given: dict[str, Any]
) -> Iterator[TrainingEvent]:
    from cryoden.workflows import train_model  # noqa: PLC0415  it loads torch, which docking must not

    found = opened()
    if found and isinstance(found[0], HalfPair):
        return train_model.train_halves(cast("Sequence[HalfPair]", found), keep, settings, **given)
    supervised = cast("Sequence[tuple[Windowed, Windowed]]", found)
    return train_model.train_supervised(supervised, keep, settings, **given)
