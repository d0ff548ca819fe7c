"""The tables of a report that not every run has: speed, convergence, architecture, quality."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from pathlib import Path
from typing import Any

from cryoden.errors import CryodenError
from cryoden.events.history import History, clock
from cryoden.events.quality import References
from cryoden.events.reference_lines import REFERENCES
from cryoden.model.checkpoint import load
from cryoden.runs.convergence import LEAST_STEPS, Convergence, assess_convergence
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


def tensors(record: RunRecord) -> list[tuple[str, str, str]]:
    """Return name, shape and size of the tensors of a small network."""
    with suppress(CryodenError):
        weights = load(record.folder.model).weights
        if len(weights) <= FEW_TENSORS:
            rows = [(name, " × ".join(map(str, one.shape)), f"{one.size:,}") for name, one in weights.items()]
            return [*rows, ("all", "", f"**{sum(one.size for one in weights.values()):,}**")]
    return []


def methods(evaluation: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return how each method did in an evaluation on held-out targets."""
    names = ("gain_db", "r", "bias")
    return [(row["method"], *(_figure(row, name) for name in names)) for row in evaluation.get("methods", [])]


def _figure(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    return "–" if value is None else f"{value:+z.1f} dB" if name == "gain_db" else f"{value:z.3f}"


def read_json(path: Path) -> dict[str, Any]:
    """Return what a file of the run folder says, nothing where there is none."""
    with suppress(OSError, ValueError):
        return dict(json.loads(path.read_text(encoding="utf-8")))
    return {}
