"""The losses of a run as a table other programs read."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import Any

from cryoden.events import EpochFinished
from cryoden.history import History
from cryoden.publish import publishing

COLUMNS = (
    "step", "epoch", "step_loss", "train_loss", "validation_loss", "correlation",
    "snr_gain_db", "bias_ratio", "frc", "resolution", "verdict",
)  # fmt: skip


def write_losses(history: History, path: Path) -> None:
    """Write one row per step and one per epoch, in the order they happened; replaces the file.

    ``resolution`` is in Å, or in px where the pixel size is not known.

    Raises
    ------
    OutputError
        O02, O03 or O06 when it cannot be written; an older table then stays as it was.
    """
    rows: list[dict[str, Any]] = [
        {"step": step, "step_loss": loss} for step, loss in zip(history.steps, history.losses, strict=True)
    ]
    rows += map(_row, history.epochs)
    rows.sort(key=lambda row: int(row["step"]))  # stable: an epoch follows its last step
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    with publishing(path, overwrite=True) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")


def _row(epoch: EpochFinished) -> dict[str, Any]:
    of = epoch.quality
    return {
        "step": epoch.step,
        "epoch": epoch.epoch,
        "train_loss": "" if math.isnan(epoch.train_loss) else epoch.train_loss,  # not of epoch 0
        "validation_loss": epoch.validation_loss,
        "correlation": epoch.correlation,
        "snr_gain_db": of.gain,
        "bias_ratio": of.bias,
        "frc": of.frc,
        "resolution": of.resolution,
        "verdict": epoch.verdict.words,
    }
