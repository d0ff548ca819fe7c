"""A pipe that keeps the best model on disk while events pass through it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from cryoden.events.closing import closed
from cryoden.events.training import (
    EpochFinished,
    Resumed,
    TrainingEvent,
    TrainingFinished,
    TrainingStarted,
)
from cryoden.io.atomic import atomic_write
from cryoden.io.provenance import plain, versions
from cryoden.model.checkpoint import Model, write


def save_best(
    events: Iterable[TrainingEvent],
    path: Path,
    *,
    files: Iterable[Path] = (),
    start: str | None = None,
    is_ours: Callable[[], bool] = lambda: True,
) -> Iterator[TrainingEvent]:
    """Pass events on; each best epoch replaces the model file, whole or not at all.

    Nothing is written before the first best epoch, so a run that fails leaves an older file as
    it was. However the run ends, the file then also records its end and the whole loss history.

    Parameters
    ----------
    events : iterable of TrainingEvent
        A training run.
    path : Path
        The model file.
    files : iterable of Path
        The micrographs trained on; the model file is never put in place of one of them.
    start : str, optional
        SHA-256 of the model the run started from, for the record.
    is_ours : callable
        Whether the file is still this run's to write; once it is not, it is left as it is.

    Yields
    ------
    TrainingEvent
        The same events. A best epoch is on disk before its event is passed on.
    """
    record = _Record(path, tuple(files), start, is_ours)
    with ExitStack() as end:
        end.callback(record.save)
        end.enter_context(closed(events))
        for event in events:
            record.add(event)
            yield event


class _Record:
    def __init__(
        self, path: Path, files: tuple[Path, ...], start: str | None, is_ours: Callable[[], bool]
    ) -> None:
        self.path, self.files, self.is_ours = path, files, is_ours
        self.about: dict[str, Any] = {
            "files": [str(file) for file in files],
            "start": start,
            "versions": versions(),
            "history": [],
            "end": "stopped",
        }
        self.started: TrainingStarted | None = None
        self.inputs = self.files  # until the first file of this run lies there, which is none of them
        self.best: EpochFinished | None = None
        self.is_resumed = False

    def add(self, event: TrainingEvent) -> None:
        match event:
            case TrainingStarted():
                self.started = event
                self.about |= plain(asdict(event))
            case Resumed():
                self._resume(event)
            case EpochFinished():
                self._add_epoch(event)
            case TrainingFinished():
                self.about["end"] = event.reason
                is_left = self.best is None and self.is_resumed  # what a stop had kept, no model of this run
                if is_left and self.is_ours():
                    self.path.unlink(missing_ok=True)

    def _resume(self, event: Resumed) -> None:
        """Put the model of the run's state in place of what may have been learned after it."""
        self.about["history"] = [epoch_record(one) for one in event.past if isinstance(one, EpochFinished)]
        self.is_resumed, self.best = True, event.best
        self.save()

    def _add_epoch(self, event: EpochFinished) -> None:
        self.about["history"].append(epoch_record(event))
        if event.weights is not None:
            self.best = event
            self.save()

    def save(self) -> None:
        if self.best is None or self.best.weights is None or self.started is None or not self.is_ours():
            return
        about = self.about | {"best_epoch": self.best.epoch}
        started = self.started
        sizes = started.pixel_size, started.working_pixel
        model = Model(started.settings.network, self.best.weights, sizes[0], about, sizes[1], started.scale)
        with atomic_write(self.path, overwrite=True, inputs=self.inputs) as temporary:
            write(model, temporary)
        self.inputs = ()


def epoch_record(event: EpochFinished) -> dict[str, Any]:
    """Return an epoch as JSON has it, without its weights."""
    epoch = asdict(replace(event, weights=None))
    del epoch["weights"]
    return plain(epoch)
