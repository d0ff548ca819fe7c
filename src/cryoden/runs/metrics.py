"""The losses of a run as a table other programs read, and back: one row a step, one an epoch."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from typing import Any

from cryoden.events.history import History
from cryoden.events.quality import HeldOutQuality, Level, TrainingStatus
from cryoden.events.training import EpochFinished, Speed, StepFinished
from cryoden.io.atomic import atomic_write, not_written
from cryoden.io.typed_json import content

SPEEDS = ("seconds", "batches", "images", "megabytes")
COLUMNS = (
    "step", "epoch", "elapsed", "step_loss", "learning_rate", "train_loss", "validation_loss", "correlation",
    "band_correlation", "snr_palovcak_db", "bias_ratio", "frc", "resolution", "collapsed", "kept",
    "gpu_bytes", *SPEEDS, "level", "verdict",
)  # fmt: skip

Row = dict[str, Any]
Event = StepFinished | EpochFinished


def table(rows: Iterable[Row], *, header: bool) -> str:
    """Return rows as CSV.

    ``elapsed`` is in seconds of the run's own time, ``resolution`` in Å, or in px where the pixel
    size is not known; ``band_correlation`` is that of the particle band, of runs on halves, from which the
    SNR gain follows (`cryoden.events.snr_gain`); ``snr_palovcak_db`` is another figure;
    ``seconds`` are those of the epoch, ``batches``, ``images`` and ``megabytes`` per second. A row of a
    step has a ``step_loss``, a row of an epoch a ``validation_loss``.
    """
    text = io.StringIO()
    written = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    if header:
        written.writeheader()
    written.writerows(rows)
    return text.getvalue()


class MetricsFile:
    """The table of a run while it grows.

    Parameters
    ----------
    path : Path
        Where it lies.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self) -> None:
        """Write the names of the columns; see `append`."""
        self.append(())

    def append(self, rows: Iterable[Row]) -> None:
        """Add rows, all or none of them, below the names of the columns.

        Raises
        ------
        OutputError
            O02, O03 or O06 when they cannot be written.
        """
        self._add(table(rows, header=not self._size()))

    def force(self) -> int:
        """Force it to disk and return its bytes; errors as of `append`."""
        try:
            with self.path.open("ab") as file:
                os.fsync(file.fileno())
                return file.tell()
        except OSError as error:
            raise not_written(self.path, error) from error

    def cut(self, size: int) -> bool:
        """Undo what was added beyond so many bytes; return whether so many were there.

        Errors as of `append`.
        """
        try:
            there = self._size()
            if there > size:
                os.truncate(self.path, size)
        except OSError as error:
            raise not_written(self.path, error) from error
        if not there:
            self.begin()
        return there >= size

    def _size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def _add(self, text: str) -> None:
        before = self._size()
        try:
            with self.path.open("a", encoding="utf-8", newline="") as file:
                file.write(text)
        except OSError as error:
            with suppress(OSError):
                os.truncate(self.path, before)
            raise not_written(self.path, error) from error


def write(history: History, path: Path) -> None:
    """Write a whole run, in the order things happened; replaces the file.

    Raises
    ------
    OutputError
        O02, O03 or O06 when it cannot be written; an older table then stays as it was.
    """
    rows: list[Row] = [
        {"step": step, "step_loss": loss} for step, loss in zip(history.steps, history.losses, strict=True)
    ]
    rows += map(row, history.epochs)
    rows.sort(key=lambda one: int(one["step"]))  # stable: an epoch follows its last step
    with atomic_write(path, overwrite=True) as temporary:
        temporary.write_text(table(rows, header=True), encoding="utf-8")


def row(event: Event) -> Row:
    """Return what a table says of an event."""
    return _step(event) if isinstance(event, StepFinished) else _epoch(event)


def read(path: Path) -> Iterator[Event]:
    """Yield the events of a table; what was being written when its run was killed is left out.

    Of an epoch that was kept ``weights`` is empty: they lie in the model file. Of ``gpu_bytes`` what
    the device has is not recorded. Steps that a plot has saved have no epoch, time or learning rate.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        For anything that is no such table.
    """
    try:
        rows = csv.DictReader(io.StringIO(content(path), newline=""))
        whole = takewhile(lambda found: None not in found.values(), rows)
        yield from (_read_step(found) if found["step_loss"] else _read_epoch(found) for found in whole)
    except KeyError as error:
        raise ValueError(f"no column {error}") from None
    except (csv.Error, OverflowError) as error:
        raise ValueError(str(error)) from None


def _step(event: StepFinished) -> Row:
    return {
        "step": event.step,
        "epoch": event.epoch,
        "elapsed": round(event.elapsed, 3),
        "step_loss": event.loss,
        "learning_rate": event.learning_rate,
    }


def _epoch(event: EpochFinished) -> Row:
    of = event.quality
    return {
        "step": event.step,
        "epoch": event.epoch,
        "elapsed": round(event.elapsed, 3),
        "train_loss": "" if math.isnan(event.train_loss) else event.train_loss,  # not of epoch 0
        "validation_loss": event.validation_loss,
        "correlation": event.correlation,
        "band_correlation": of.band,
        "snr_palovcak_db": of.palovcak,
        "bias_ratio": of.bias,
        "frc": of.frc,
        "resolution": of.resolution,
        "collapsed": int(event.collapsed),
        "kept": int(event.weights is not None),
        "gpu_bytes": event.gpu_bytes[0] if event.gpu_bytes else "",
        "level": event.verdict.level,
        **({name: getattr(event.speed, name) for name in SPEEDS} if event.speed else {}),
        "verdict": event.verdict.words,
    }


def _read_step(row: dict[str, str]) -> StepFinished:
    loss, rate, elapsed = (float(row[name] or "nan") for name in ("step_loss", "learning_rate", "elapsed"))
    return StepFinished(int(row["step"]), int(row["epoch"] or 0), loss, rate, elapsed, 1.0, math.nan)


def _read_epoch(row: dict[str, str]) -> EpochFinished:
    bias, resolution = (_known(row[name]) for name in ("bias_ratio", "resolution"))
    palovcak = _known(row["snr_palovcak_db" if "snr_palovcak_db" in row else "snr_gain_db"])  # as before 0.1
    band = _known(row.get("band_correlation") or "")  # older versions have none
    return EpochFinished(
        epoch=int(row["epoch"]),
        step=int(row["step"]),
        elapsed=float(row["elapsed"]),
        train_loss=float(row["train_loss"] or "nan"),
        validation_loss=float(row["validation_loss"]),
        correlation=float(row["correlation"]),
        collapsed=row["fallen" if "fallen" in row else "collapsed"] == "1",  # as older versions wrote it
        quality=HeldOutQuality(palovcak, bias, float(row["frc"] or "nan"), resolution, band),
        weights={} if row["kept"] == "1" else None,  # they lie in the model file
        verdict=TrainingStatus(_level(row["level"]), row["verdict"]),
        gpu_bytes=(int(row["gpu_bytes"]), 0) if row["gpu_bytes"] else None,
        speed=Speed(*(float(row[name]) for name in SPEEDS)) if row["seconds"] else None,
    )


def _level(text: str) -> Level:
    return "good" if text == "good" else "bad" if text == "bad" else "wait"


def _known(text: str) -> float | None:
    return float(text) if text else None
