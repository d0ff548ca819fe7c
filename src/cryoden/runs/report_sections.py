"""What a report says of runs on streamed pairs: speed, convergence, architecture, data, quality, meaning."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from cryoden.errors import CryodenError
from cryoden.events.history import History, clock
from cryoden.events.quality import References
from cryoden.events.reference_lines import REFERENCES
from cryoden.model.checkpoint import load
from cryoden.reporting.markdown import facts, table
from cryoden.runs.convergence import LEAST_STEPS, Convergence, assess_convergence
from cryoden.runs.record import RunRecord

FEW_TENSORS = 12  # that can be listed


def sections(record: RunRecord, history: History) -> Iterator[tuple[str, str]]:
    """Yield the sections there is something to say in: title, and Markdown."""
    for title, text in (
        ("Performance", _performance(history)),
        ("Convergence", _convergence(record, history)),
        ("Architecture", _architecture(record)),
        ("Data checks", _data(record)),
        ("Pictures", _pictures(record)),
        ("Denoising quality", _quality(record)),
    ):
        if text:
            yield title, text


def _performance(history: History) -> str:
    epochs = [one for one in history.epochs if one.speed is not None]
    rows = [
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
    head = ("epoch", "average loss", "time", "batch/s", "images/s", "MB/s", "GPU memory, at most")
    return table(head, rows) if rows else ""


def _convergence(record: RunRecord, history: History) -> str:
    if len(history.losses) < LEAST_STEPS or record.about.get("settings") != "BaselineSettings":
        return ""
    found = assess_convergence(history.losses)
    known = record.started.references
    rows = {
        "judgement": found.words(),
        "first fiftieth of the steps": f"{found.first:.5f}",
        "last fiftieth": f"{found.last:.5f}",
        "improvement factor": f"{found.factor:.3g}",
    }
    return facts(rows | _beside(found, known) | _as_error(record, found))


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
    return {"RMS error on the scale from 0 to 1": words}


def _architecture(record: RunRecord) -> str:
    with suppress(CryodenError):
        weights = load(record.folder.model).weights
        if len(weights) <= FEW_TENSORS:
            rows = [(name, " × ".join(map(str, one.shape)), f"{one.size:,}") for name, one in weights.items()]
            total = sum(one.size for one in weights.values())
            return table(("tensor", "shape", "parameters"), [*rows, ("all", "", f"**{total:,}**")])
    return ""


def _data(record: RunRecord) -> str:
    told = _json(record.folder.data)
    return facts({name: str(value) for name, value in told.items()}) if told else ""


def _pictures(record: RunRecord) -> str:
    picture = record.folder.pairs
    words = "Held-out pairs: input, target, and what the kept network makes of the input."
    return f"{words}\n\n![Input, target and output]({picture.name})" if picture.is_file() else ""


def _quality(record: RunRecord) -> str:
    told = _json(record.folder.evaluation)
    if not told:
        return (
            "Not measured: that needs two noisy pictures of one scene. `cryoden evaluate` does it on halves."
        )
    words = (
        "By `cryoden evaluate`, on held-out targets with noise added twice, so that the truth is known. "
        "Gain is the signal-to-noise ratio won over the noisy picture, in dB."
    )
    rows = [
        [row["method"], *(_figure(row, name) for name in ("gain_db", "r", "bias"))] for row in told["methods"]
    ]
    return f"{words}\n\n{table(('method', 'gain', 'r with the other', 'B/S'), rows)}\n\n{told['verdict']}"


def _figure(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    return "–" if value is None else f"{value:+z.1f} dB" if name == "gain_db" else f"{value:z.3f}"


def _json(path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        return dict(json.loads(path.read_text(encoding="utf-8")))
    return {}
