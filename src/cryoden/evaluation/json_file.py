"""What was found and with what, as JSON on disk: enough to see later where each figure is from."""

from __future__ import annotations

import datetime as dt
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cryoden.errors import OutputError
from cryoden.evaluation.scores import FORMAT, Table
from cryoden.io import typed_json
from cryoden.io.atomic import atomic_write
from cryoden.io.provenance import VERSION
from cryoden.micrograph import Windowed
from cryoden.model.checkpoint import Model, names_of
from cryoden.settings.tools import EvaluationSettings

if TYPE_CHECKING:
    from cryoden.evaluation.exposures import Subject  # it needs torch, and a table can be read without


def provenance(
    pairs: Sequence[Subject], models: Mapping[Path, Model], settings: EvaluationSettings
) -> dict[str, Any]:
    """Return what figures were made with: versions, settings, files, models."""
    names = names_of(models)
    return {
        "time": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "versions": {
            "cryoden": VERSION,
            "python": platform.python_version(),
            "numpy": np.__version__,
        },
        "settings": asdict(settings),
        "pairs": [_pair(subject) for subject in pairs],
        "models": {names[path]: _model(path, model, pairs) for path, model in models.items()},
    }


def _pair(subject: Subject) -> dict[str, Any]:
    return {
        "name": subject.name,
        "size": list(subject.halves.even.shape),
        "pixel_size": subject.halves.even.pixel_size,
        "even": _file(subject.halves.even),
        "odd": _file(subject.halves.odd),
        "truth": None if subject.truth is None else _file(subject.truth),
        "others": {name: [_file(pair.even), _file(pair.odd)] for name, pair in subject.others.items()},
    }


def _file(half: Windowed) -> str:
    return half.name if half.path is None else str(half.path)


def _model(path: Path, model: Model, pairs: Sequence[Subject]) -> dict[str, Any]:
    training = set(model.provenance.get("training", ()))
    return {
        "file": str(path),
        "sha256": model.sha256,
        "network": model.network,
        "pixel_size": model.pixel_size,
        "training": len(training),
        "trained_on": [one.name for one in pairs if training & {one.halves.even.name, one.halves.odd.name}],
    }


def write(table: Table, path: Path, *, overwrite: bool = False) -> None:
    """Publish the table as JSON.

    Raises
    ------
    OutputError
        O02 to O06 when it cannot be written there.
    """
    with atomic_write(path, overwrite=overwrite) as temporary:
        temporary.write_text(json.dumps(table.as_json(), indent=1, allow_nan=False) + "\n", encoding="utf-8")


def load(path: Path) -> Table:
    """Read a table that `write` has written.

    Raises
    ------
    OutputError
        O14 for a file that is none.
    """
    try:
        values = typed_json.read(path)
        if values.get("format") == FORMAT:
            return table_of(values)
    except (FileNotFoundError, ValueError) as error:
        fix = "Give the JSON file of cryoden evaluate"
        raise OutputError("O14", path, f"not the numbers of an evaluation ({error})", fix=fix) from None
    problem = f"numbers of another version (found {values.get('format')}, expected {FORMAT})"
    raise OutputError("O14", path, problem, fix="Evaluate again")


def table_of(values: dict[str, Any]) -> Table:
    """Return the table whose JSON values these are; ``ValueError`` for other names, types or ranges."""
    typed_json.as_type(_Provenance, values.get("provenance", {}))
    rows = values.get("rows")
    rows = list(map(_today, rows)) if isinstance(rows, list) else rows
    table = typed_json.as_type(Table, values | {"rows": rows})
    if table.pixels < 1 or not table.rows:
        raise ValueError(f"{len(table.rows)} methods on {table.pixels} pixels")
    return table


@dataclass(frozen=True)
class _TrainedOn:
    trained_on: list[str] = field(default_factory=list)
    training: int = 0


@dataclass(frozen=True)
class _Provenance:
    """Those entries that are looked at."""

    models: dict[str, _TrainedOn] = field(default_factory=dict)
    time: str = ""


def _today(row: Any) -> Any:
    """Return a row with the names of today."""
    if not isinstance(row, dict):
        return row
    pairs = row.get("pairs")
    pairs = {name: _renamed(scores) for name, scores in pairs.items()} if isinstance(pairs, dict) else pairs
    return row | {"mean": _renamed(row.get("mean")), "pairs": pairs}


def _renamed(scores: Any) -> Any:
    former = {"invented": "hallucinated", "gain_db": "palovcak_db"}  # as older versions wrote it
    if not isinstance(scores, dict):
        return scores
    return {former.get(name, name): value for name, value in scores.items()}
