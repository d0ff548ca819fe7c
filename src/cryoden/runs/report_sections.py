"""The tables of a report that not every run has: speed, convergence, architecture, quality."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryoden.errors import CryodenError, Remark, RunError, printable
from cryoden.events.history import History, clock
from cryoden.events.quality import References
from cryoden.events.reference_lines import REFERENCES
from cryoden.io import typed_json
from cryoden.model.checkpoint import load
from cryoden.reporting.markdown import Bold
from cryoden.runs.convergence import LEAST_STEPS, Convergence, assess_convergence
from cryoden.runs.folder import RunFolder
from cryoden.runs.record import RunRecord

BASELINE = {"baseline", "BaselineSettings"}  # the latter as version 0.1 wrote it
FEW_TENSORS = 12  # that can be listed


def performance(history: History) -> list[tuple[str, ...]]:
    """Return the speed of each epoch."""
    epochs = [one for one in history.epochs if one.speed is not None]
    return [
        (
            str(one.epoch),
            f"{one.train_loss:.5f}",
            clock(one.speed.seconds),
            f"{one.speed.batches:,.1f}",
            f"{one.speed.images:,.0f}",
            f"{one.speed.megabytes:,.0f}",
            f"{one.gpu_bytes[0] / 2**30:.2f} GiB" if one.gpu_bytes else "–",
        )
        for one in epochs
        if one.speed is not None
    ]


def convergence(record: RunRecord, history: History) -> dict[str, str]:
    """Return how a baseline run converged, if it is long enough to say."""
    if len(history.losses) < LEAST_STEPS or record.about.get("settings") not in BASELINE:
        return {}
    found = assess_convergence(history.losses)
    known = record.started.references
    rows = {
        "assessment": found.words(),
        "loss, first 2 % of the steps": f"{found.first:.5f}",
        "loss, last 2 % of the steps": f"{found.last:.5f}",
        "improvement factor": f"{found.factor:.3g}",
    }
    return rows | _beside(found, known) | _as_error(record, found)


def _beside(found: Convergence, known: References) -> dict[str, str]:
    """Return what the same factor is for what needs no training."""
    return {
        f"the same for {REFERENCES[name].label}": f"{found.first / loss:.3g} (loss {loss:.5f})"
        for name in ("constant", "identity", "linear")
        if (loss := getattr(known, name)) > 0
    }


def _as_error(record: RunRecord, found: Convergence) -> dict[str, str]:
    if record.started.scale != "positive" or not found.last >= 0:
        return {}
    known = record.started.references
    words = f"{math.sqrt(found.last):.4f} (raw input {math.sqrt(known.identity):.4f})"
    return {"RMS error (gray values 0 to 1)": words}


def as_used(record: RunRecord, history: History) -> dict[str, str]:
    """Return in words what was used where a setting leaves it to the program."""
    started, last = record.started, history.epochs[-1].epoch if history.epochs else 0
    by_time = not started.epochs
    own = f"{started.working_pixel:g} Å/px" if started.working_pixel else "the micrographs' own"
    settings: Any = started.settings
    used = {
        "device": started.device,
        "precision": started.precision,
        "engine": "fused" if started.precision == "fused" else "torch",
        "working_pixel": own,
        "patch": f"{started.patch} px",
        "batch": str(started.batch or settings.batch or "chosen for the device"),
        "steps_per_epoch": f"{started.steps_per_epoch:,} steps",
        "epochs": f"{last:,} (limited by time)" if by_time else f"{started.epochs:,}",
        "start_from": "a model" if record.about["start"] else "scratch",
    }
    more = {} if by_time else {"minutes": "not used: limited by epochs"}
    more |= {} if record.about["start"] else {"anchor": "not used: started from scratch"}
    return used | more | ({} if getattr(settings, "patience", 1) else {"patience": "never"})


def tensors(record: RunRecord) -> list[tuple[str, str, str]]:
    """Return name, shape and size of the tensors of a small network."""
    with suppress(CryodenError):
        weights = {} if record.folder.leads_out(record.folder.model) else load(record.folder.model).weights
        if 0 < len(weights) <= FEW_TENSORS:
            rows = [(name, " × ".join(map(str, one.shape)), f"{one.size:,}") for name, one in weights.items()]
            return [*rows, ("all", "", Bold(f"{sum(one.size for one in weights.values()):,}"))]
    return []


def methods(evaluation: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return how each method did in an evaluation on held-out targets."""
    names = ("gain_db", "r", "bias")
    return [(row["method"], *(_figure(row, name) for name in names)) for row in evaluation.get("methods", [])]


def _figure(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    return "–" if value is None else f"{value:+z.1f} dB" if name == "gain_db" else f"{value:z.3f}"


@dataclass(frozen=True)
class _Method:
    method: str
    gain_db: float | None = None
    r: float | None = None
    bias: float | None = None


@dataclass(frozen=True)
class _Evaluation:
    methods: list[_Method]
    verdict: str


def checks(record: RunRecord) -> dict[str, str]:
    """Return what was found when the pairs of an experiment were looked at, nothing where they were not."""
    return _read(record.folder, record.folder.data, dict[str, str])


def evaluation(record: RunRecord) -> dict[str, Any]:
    """Return how good the output of an experiment is, nothing where that was not measured."""
    return _read(record.folder, record.folder.evaluation, _Evaluation)


def left_out(folder: RunFolder) -> list[Remark]:
    """Return what a report does not show, because it is a link that leads out of the folder.

    Raises
    ------
    RunError
        R08 where that is what every report needs.
    """
    for file in filter(folder.leads_out, (folder.record, folder.metrics)):
        fix = "Copy the file itself there"
        raise RunError("R08", file, _link_to(file), kept="No report is written", fix=fix)
    optional = folder.model, folder.denoised, folder.pairs, folder.data, folder.evaluation
    return [
        Remark("R08", f"{file.name} {_link_to(file)}: nothing of it is in the report")
        for file in filter(folder.leads_out, optional)
    ]


def _link_to(file: Path) -> str:
    return f"is a link out of its run folder, to {printable(os.path.realpath(file))}"


def _read(folder: RunFolder, path: Path, kind: type) -> dict[str, Any]:
    if folder.leads_out(path):
        return {}
    try:
        found = typed_json.read(path)
        typed_json.as_type(kind, found)
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise RunError(
            "R02", path, f"damaged: {error}", kept="The rest is untouched", fix="Remove it"
        ) from None
    return found
