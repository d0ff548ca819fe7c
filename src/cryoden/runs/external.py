"""Runs of other programs and projects, described by a small file.

JSON: see ``reported/experiment.json``; everything but format, name and losses may be missing. CSV:
lines ``# key: value`` with the same keys, then a header and one row a step, of which ``step`` and
``loss`` are read, and ``seconds`` (of the run so far) where it is there.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from itertools import takewhile
from pathlib import Path
from typing import Any

from cryoden.errors import RunError
from cryoden.io import typed_json

FORMAT = "cryoden-described-1"
SHIPPED = ("experiment", "climate")


@dataclass(frozen=True)
class _Special:
    name: str
    value: float


@dataclass(frozen=True)
class _About:
    """The keys that are looked at, with their types."""

    format: str | None = None
    name: str | None = None
    initial_loss: float | None = None
    epoch_losses: list[float] | None = None
    epoch_seconds: list[float] | None = None
    batches_per_second: float | None = None
    batch: float | None = None
    special: _Special | None = None
    network: str | None = None
    hardware: str | None = None
    reported: bool = True
    comparable: bool = True


@dataclass(frozen=True)
class ExternalRun:
    """What such a file says.

    Parameters
    ----------
    path : Path
        The file.
    about : mapping
        Its keys; numbers as numbers.
    steps, losses, seconds : tuple
        Of each reported step; ``seconds`` is empty where it is not.
    """

    path: Path
    about: Mapping[str, Any]
    steps: tuple[int, ...] = field(default=())
    losses: tuple[float, ...] = field(default=())
    seconds: tuple[float, ...] = field(default=())

    @property
    def name(self) -> str:
        """What it is called."""
        return str(self.about.get("name") or self.path.stem)

    def number(self, key: str) -> float | None:
        """Return a number, ``None`` where it is not reported."""
        value = self.about.get(key)
        return None if value is None else float(value)


def read(path: Path) -> ExternalRun:
    """Read a described run.

    Raises
    ------
    RunError
        R01 when the file is not there, R02 when it is not such a description, R03 of another version.
    """
    is_table = path.suffix.lower() == ".csv"
    try:
        found = _table(path) if is_table else ExternalRun(path, typed_json.read(path))
        about = typed_json.as_type(_About, found.about)
    except FileNotFoundError:
        raise RunError(
            "R01", path, "does not exist", fix="Give a run folder, or a JSON or CSV file"
        ) from None
    except ValueError as error:
        problem = f"does not describe a run: {error}"
        raise RunError("R02", path, problem, fix="See docs/comparing.md for what it must hold") from None
    known = bool(found.losses) or (about.initial_loss is not None and bool(about.epoch_losses))
    if not known:
        raise RunError(
            "R02",
            path,
            "does not describe a run: no losses",
            fix="See docs/comparing.md for what it must hold",
        )
    if not is_table and about.format != FORMAT:
        problem = f"of another version (found {about.format}, expected {FORMAT})"
        raise RunError("R03", path, problem, fix="Write it again")
    return found


def shipped(name: str) -> Path:
    """Return the file of a run that comes with the program, by its name in `SHIPPED`."""
    return Path(str(files(__package__) / "reported" / f"{name}.json"))


def _table(path: Path) -> ExternalRun:
    lines = typed_json.content(path).splitlines()
    head = list(takewhile(lambda line: line.startswith("#"), lines))
    pairs = (line.lstrip("# ").partition(":") for line in head)
    about = {key.strip(): _value(value.strip()) for key, colon, value in pairs if colon}
    try:
        rows = list(csv.DictReader(lines[len(head) :]))
        names = ("step", "loss", *(["seconds"] if rows and "seconds" in rows[0] else []))
        columns = {name: tuple(float(row[name]) for row in rows) for name in names}
        steps = tuple(map(int, columns["step"]))
    except KeyError as error:
        raise ValueError(f"no column {error}") from None
    except (csv.Error, OverflowError, TypeError) as error:
        raise ValueError(str(error)) from None
    return ExternalRun(path, about, steps, columns["loss"], columns.get("seconds", ()))


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
