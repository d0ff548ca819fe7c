"""The losses of a run as a table other programs read."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import Any

from cryoden.history import History
from cryoden.publish import publishing

COLUMNS = ("step", "epoch", "step_loss", "train_loss", "validation_loss", "correlation")


def write_losses(history: History, path: Path) -> None:
    """Write one row per step and one per epoch, in the order they happened; replaces the file.

    Raises
    ------
    OutputError
        O02, O03 or O06 when it cannot be written; an older table then stays as it was.
    """
    rows: list[tuple[Any, ...]] = [
        (step, "", loss, "", "", "") for step, loss in zip(history.steps, history.losses, strict=True)
    ]
    rows += [
        (epoch.step, epoch.epoch, "", _number(epoch.train_loss), epoch.validation_loss, epoch.correlation)
        for epoch in history.epochs
    ]
    rows.sort(key=lambda row: int(row[0]))  # stable: an epoch follows its last step
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows(rows)
    with publishing(path, overwrite=True) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")


def _number(loss: float) -> float | str:
    return "" if math.isnan(loss) else loss  # epoch 0 has not been trained
