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

FORMAT = "cryoden-described-1"
SHIPPED = ("experiment", "climate")


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
    try:
        found = (
            _table(path)
            if path.suffix.lower() == ".csv"
            else ExternalRun(path, json.loads(path.read_text("utf-8")))
        )
        known = bool(found.losses) or (
            found.about["initial_loss"] is not None and bool(found.about["epoch_losses"])
        )
    except OSError:
        raise RunError(
            "R01", path, "does not exist", fix="Give a run folder, or a JSON or CSV file"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        problem = f"does not describe a run: {type(error).__name__} {error}"
        raise RunError("R02", path, problem, fix="See docs/comparing.md for what it must hold") from None
    if not known:
        raise RunError(
            "R02",
            path,
            "does not describe a run: no losses",
            fix="See docs/comparing.md for what it must hold",
        )
    if path.suffix.lower() != ".csv" and found.about.get("format") != FORMAT:
        problem = f"of another version (found {found.about.get('format')}, expected {FORMAT})"
        raise RunError("R03", path, problem, fix="Write it again")
    return found


def shipped(name: str) -> Path:
    """Return the file of a run that comes with the program, by its name in `SHIPPED`."""
    return Path(str(files(__package__) / "reported" / f"{name}.json"))


def _table(path: Path) -> ExternalRun:
    lines = path.read_text(encoding="utf-8").splitlines()
    head = list(takewhile(lambda line: line.startswith("#"), lines))
    pairs = (line.lstrip("# ").partition(":") for line in head)
    about = {key.strip(): _value(value.strip()) for key, colon, value in pairs if colon}
    rows = list(csv.DictReader(lines[len(head) :]))
    columns = {name: tuple(float(row[name]) for row in rows) for name in ("step", "loss")}
    seconds = tuple(float(row["seconds"]) for row in rows) if rows and "seconds" in rows[0] else ()
    return ExternalRun(path, about, tuple(map(int, columns["step"])), columns["loss"], seconds)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
