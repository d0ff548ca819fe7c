"""Runs on disk, read back: what a table of runs shows, and the curves."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from cryoden.errors import CryodenError, RunError, SettingsError
from cryoden.events.history import History
from cryoden.events.training import TrainingFinished, TrainingStarted
from cryoden.io import typed_json
from cryoden.io.typed_json import as_type
from cryoden.runs import metrics
from cryoden.runs.folder import FORMAT, RunFolder
from cryoden.runs.reservation import is_alive, last_sign
from cryoden.settings.baseline import BaselineSettings
from cryoden.settings.fields import from_record
from cryoden.settings.training import TrainingSettings

OPTIONAL: dict[str, Any] = dict.fromkeys(("first", "initial", "start", "data"))
OPTIONAL |= {"versions": {}, "resumed": []}
DEPTH = 3  # folders below the one that is searched
SETTINGS: dict[str, type[TrainingSettings | BaselineSettings]] = {
    "training": TrainingSettings,
    "baseline": BaselineSettings,
    "TrainingSettings": TrainingSettings,  # as version 0.1 named them
    "BaselineSettings": BaselineSettings,
}
OVER = {"completed", "plateau", "collapsed", "diverged"}
FORMERLY = {"fallen": "collapsed"}  # states as older versions wrote them


@dataclass(frozen=True)
class _Process:
    pid: int
    host: str


@dataclass(frozen=True)
class _Speed:
    batches: float | None = None
    images: float | None = None


@dataclass(frozen=True)
class _Epoch:
    epoch: int
    validation_loss: float | None
    train_loss: float | None = None
    correlation: float | None = None
    speed: _Speed | None = None


@dataclass(frozen=True)
class _About:
    """What is looked at of ``run.json``, with its types."""

    format: str
    state: str
    message: str
    began: str
    process: _Process
    steps: int
    seconds: float
    started: dict[str, Any]
    best: _Epoch | None
    last: _Epoch | None
    first: _Epoch | None = None
    initial: float | None = None
    start: str | None = None
    settings: str = "training"
    resumed: list[dict[str, Any]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    data: dict[str, Any] | None = None


@dataclass(frozen=True)
class RunRecord:
    """What ``run.json`` says.

    Parameters
    ----------
    folder : RunFolder
        Where it lies.
    about : mapping
        Its content; see `cryoden.runs.folder`.
    """

    folder: RunFolder
    about: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.path.name

    @cached_property
    def state(self) -> str:
        """How it stands: "running", a reason of `TrainingFinished`, "stopped", "failed" or "interrupted"."""
        state = str(self.about["state"])
        if state == "running" and not is_alive(self.about["process"], self.folder.heartbeat):
            with suppress(RunError):  # it may have ended well since it was read
                state = str(read(self.folder.path).about["state"])
            state = "interrupted" if state == "running" else state
        return FORMERLY.get(state, state)

    @property
    def began(self) -> str:
        """When, in UTC, as ISO 8601."""
        return str(self.about["began"])

    @property
    def seconds(self) -> float:
        """Training time."""
        return float(self.about["seconds"])

    @property
    def message(self) -> str:
        """How it ended, in words."""
        if self.state == "interrupted":
            last = last_sign(self.folder.heartbeat)
            return f"Interrupted: no sign of life{f' since {last}' if last else ''}"
        return str(self.about["message"])

    @property
    def is_over(self) -> bool:
        """Whether it came to an end of its own, so that nothing is left to be resumed."""
        return self.state in OVER

    @property
    def has_model(self) -> bool:
        """Whether its model is there."""
        return self.folder.model.is_file()

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is something to resume it from."""
        return any(self.folder.checkpoints.glob("step-*.safetensors"))

    def figure(self, epoch: str, name: str) -> float | None:
        """Return a figure of the "first", "best" or "last" epoch, ``None`` where there is none."""
        value = (self.about[epoch] or {}).get(name)
        return None if value is None else float(value)

    @cached_property
    def started(self) -> TrainingStarted:
        """The run's first event.

        Raises
        ------
        RunError
            R02 when it is incomplete.
        """
        try:
            known = dict(self.about["started"])
            kind = SETTINGS[self.about.get("settings", "training")]
            settings = from_record(kind, dict(known.pop("settings")))
            return as_type(TrainingStarted, known, settings=settings)
        except (KeyError, TypeError, ValueError, SettingsError) as error:
            raise _damaged(self.folder.record, error) from None

    def history(self) -> History:
        """Return the run as it was seen while it went on.

        Raises
        ------
        RunError
            R01 when its metrics are not there, R02 when they are damaged.
        """
        folded = History()
        folded.add(self.started)
        for event in self.events():
            folded.add(event)
        if self.state in OVER:
            folded.add(self._finished())
        return folded

    def events(self) -> Iterator[metrics.Event]:
        """Yield its steps and epochs; see `history`."""
        try:
            yield from metrics.read(self.folder.metrics)
        except FileNotFoundError:
            raise RunError(
                "R01", self.folder.metrics, "does not exist", fix="Copy the whole folder"
            ) from None
        except ValueError as error:
            raise _damaged(self.folder.metrics, error) from None

    def _finished(self) -> TrainingFinished:
        best, last = self.about["best"] or {}, self.about["last"] or {}
        loss = best.get("validation_loss", float("nan"))
        number = best.get("epoch", 0)
        reason: Any = self.state
        return TrainingFinished(reason, self.message, last.get("epoch", 0), number, loss, self.seconds)


def read(path: Path) -> RunRecord:
    """Read the record of a run folder.

    Raises
    ------
    RunError
        R01 for a folder without a run, R02 for a damaged record, R03 for one of another version.
    """
    folder = RunFolder(path)
    try:
        about = typed_json.read(folder.record)
        found = as_type(_About, about).format if about.get("format") == FORMAT else about.get("format")
    except (FileNotFoundError, NotADirectoryError):
        fix = "Give a folder written by cryoden train --run"
        raise RunError("R01", path, f"is not a run folder: no {folder.record.name}", fix=fix) from None
    except ValueError as error:
        raise _damaged(folder.record, error) from None
    if found != FORMAT:
        problem = f"of another version (found {found}, expected {FORMAT})"
        raise RunError("R03", folder.record, problem, fix="Use the version that wrote it")
    return RunRecord(folder, OPTIONAL | about)


def found(root: Path) -> list[RunRecord]:
    """Return the runs in a folder and a few folders deep, the latest first; damaged ones are left out."""
    records = []
    for folder in _folders(root):
        with suppress(CryodenError):
            records.append(read(folder))
    return sorted(records, key=lambda record: record.began, reverse=True)


def _folders(root: Path, depth: int = DEPTH) -> Iterator[Path]:
    if RunFolder(root).record.is_file():
        yield root
        return
    if not depth:
        return
    with suppress(OSError), os.scandir(root) as entries:
        below = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        for path in sorted(below):
            yield from _folders(Path(path), depth - 1)


def _damaged(file: Path, error: Exception) -> RunError:
    words = f"{type(error).__name__} {error}" if isinstance(error, KeyError) else str(error)
    problem = f"damaged: {words}"
    return RunError("R02", file, problem, kept="The rest of the folder is untouched", fix="Copy it again")
