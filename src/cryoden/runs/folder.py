"""A run on disk: a folder that records at any moment what the run is and how far it has come.

``run.json`` holds what stays true, the best and the last epoch, and how it ended; ``metrics.csv``
every step and epoch; ``model.safetensors`` the best model; ``loss.png`` and ``report.html`` are
drawn at the end. A claim keeps a second run out of the folder until the record does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from cryoden.errors import in_words
from cryoden.events.closing import closed
from cryoden.events.training import (
    EpochFinished,
    StepFinished,
    TrainingEvent,
    TrainingFinished,
    TrainingStarted,
)
from cryoden.io.atomic import atomic_write, not_written
from cryoden.io.claim import Claim, this_process
from cryoden.io.provenance import plain, versions
from cryoden.model.checkpoint import OF_A_RUN, Model
from cryoden.runs.metrics import row, table
from cryoden.runs.reservation import reserve
from cryoden.runs.save_best import epoch_record, save_best
from cryoden.settings.baseline import BaselineSettings
from cryoden.settings.training import TrainingSettings

FORMAT = "cryoden-run-1"
KINDS: dict[type, str] = {TrainingSettings: "training", BaselineSettings: "baseline"}  # by words that stay


@dataclass(frozen=True)
class RunFolder:
    """Where a run keeps what.

    Parameters
    ----------
    path : Path
        The folder.
    """

    path: Path

    @property
    def record(self) -> Path:
        """What the run is, and how it stands."""
        return self.path / "run.json"

    @property
    def metrics(self) -> Path:
        """Losses of all steps and epochs; see `cryoden.runs.metrics`."""
        return self.path / "metrics.csv"

    @property
    def model(self) -> Path:
        """The model of the best epoch."""
        return self.path / OF_A_RUN

    @property
    def plot(self) -> Path:
        """The losses as a picture."""
        return self.path / "loss.png"

    @property
    def report(self) -> Path:
        """The run as a page to read."""
        return self.path / "report.html"

    @property
    def text(self) -> Path:
        """The same as Markdown."""
        return self.path / "report.md"

    @property
    def denoised(self) -> Path:
        """A region of a validation micrograph, raw and denoised, as a picture; of training."""
        return self.path / "denoised.png"

    @property
    def pairs(self) -> Path:
        """A few held-out pairs and the output, as a picture; of the experiment."""
        return self.path / "pairs.png"

    @property
    def data(self) -> Path:
        """What was found when the pairs were looked at; of the experiment."""
        return self.path / "data.json"

    @property
    def evaluation(self) -> Path:
        """How good the output is, measured beside simple filters; of the experiment."""
        return self.path / "evaluation.json"

    def files(self) -> tuple[Path, ...]:
        """Return everything a run may have put here."""
        own = self.record, self.metrics, self.model, self.plot, self.report, self.text
        return (*own, self.denoised, self.pairs, self.data, self.evaluation)

    def reserve(self) -> Claim:
        """Make the folder, or take over one that holds nothing; see `cryoden.runs.reservation.reserve`."""
        return reserve(self.path, self.record)

    def remove(self) -> None:
        """Remove what a run has put here, and the folder when nothing else is in it."""
        for file in self.files():
            file.unlink(missing_ok=True)
        with suppress(OSError):
            self.path.rmdir()


def kept_in(
    folder: RunFolder,
    events: Iterable[TrainingEvent],
    *,
    files: Iterable[Path] = (),
    start: Model | None = None,
    data: Mapping[str, Any] | None = None,
) -> Iterator[TrainingEvent]:
    """Pass events on; what they report is in the folder before they are passed on.

    A run that never starts leaves no folder. One that is stopped, fails or is killed leaves the
    best model so far, and says so.

    Parameters
    ----------
    folder : RunFolder
        Made here; must not exist, or hold nothing.
    events, files, start
        See `cryoden.runs.save_best.save_best`.
    data : mapping, optional
        Where its data lie, as plain JSON values, for whoever needs them again.

    Raises
    ------
    OutputError
        O05, O06 before the first event when the folder cannot be had.
    """
    keeper = _Keeper(folder, tuple(files), start, data)
    kept = save_best(events, folder.model, files=keeper.files, start=start)
    with keeper, closed(kept):
        for event in kept:
            keeper.add(event)
            yield event


class _Keeper:
    def __init__(
        self, folder: RunFolder, files: tuple[Path, ...], start: Model | None, data: Mapping[str, Any] | None
    ) -> None:
        self.folder, self.files = folder, files
        self._claim = folder.reserve()
        self._rows: list[dict[str, Any]] = []
        self._end = {"state": "stopped", "message": "Stopped"}
        self._about: dict[str, Any] = {
            "format": FORMAT,
            "state": "running",
            "message": "",
            "began": datetime.now(UTC).isoformat(timespec="seconds"),
            "process": this_process(),
            "files": [str(file) for file in files],
            "data": data,
            "start": start.sha256 if start else None,
            "versions": versions(),
            "steps": 0,
            "initial": None,
            "seconds": 0.0,
            "first": None,
            "best": None,
            "last": None,
        }

    def add(self, event: TrainingEvent) -> None:
        match event:
            case TrainingStarted():
                self._about |= {"started": plain(asdict(event)), "settings": KINDS[type(event.settings)]}
                self._save()
                self._append(table((), header=True))
            case StepFinished():
                self._rows.append(row(event))
                self._about |= {"steps": event.step, "seconds": round(event.elapsed, 3)}
                if self._about["initial"] is None:
                    self._about |= plain({"initial": event.loss})
            case EpochFinished():
                self._add_epoch(event)
            case TrainingFinished():
                self._end = {"state": event.reason, "message": event.message}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        with self._claim:
            if isinstance(error, Exception):
                self._end = {"state": "failed", "message": in_words(error)}
            if "started" in self._about:
                self._about |= self._end
                self._append(table(self._rows, header=False))
                self._save()
        if "started" not in self._about:
            self.folder.remove()

    def _add_epoch(self, event: EpochFinished) -> None:
        epoch = epoch_record(event)
        names = ["last", *(["first"] if event.epoch == 0 else []), *(["best"] if event.weights else [])]
        self._about |= dict.fromkeys(names, epoch)
        self._append(table([*self._rows, row(event)], header=False))
        self._rows.clear()
        self._save()

    def _append(self, text: str) -> None:
        try:
            with self.folder.metrics.open("a", encoding="utf-8", newline="") as file:
                file.write(text)
        except OSError as error:
            raise not_written(self.folder.metrics, error) from error

    def _save(self) -> None:
        with atomic_write(self.folder.record, overwrite=True) as temporary:
            temporary.write_text(json.dumps(self._about, indent=1, allow_nan=False), encoding="utf-8")
