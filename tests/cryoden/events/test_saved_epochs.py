from __future__ import annotations

import json
import math

import pytest

from cryoden.events.quality import HeldOutQuality, TrainingStatus
from cryoden.events.saved_epochs import epoch_from, epoch_values
from cryoden.events.training import EpochFinished, Speed

QUALITY = HeldOutQuality(1 / 3, None, math.nan, 7.1, 0.2)
EPOCH = EpochFinished(
    epoch=3, step=60, elapsed=1.5, train_loss=0.1, validation_loss=1 / 7, correlation=0.2, collapsed=False,
    quality=QUALITY, weights=None, verdict=TrainingStatus("good", "Better", "standing"), gpu_bytes=(1, 2),
    speed=Speed(1.0, 2.0, 3.0, 4.0),
)  # fmt: skip


def test_an_epoch_comes_back_from_json_as_it_was() -> None:
    again = epoch_from(json.loads(json.dumps(epoch_values(EPOCH))))
    assert str(again) == str(EPOCH)  # NaN is not equal to itself
    assert again.verdict.kind == "standing"


def test_an_epoch_saved_by_an_older_version_is_read() -> None:
    values = epoch_values(EPOCH)
    values["quality"]["gain"] = values["quality"].pop("palovcak")
    assert epoch_from(values).quality.palovcak == QUALITY.palovcak


def test_values_of_anything_else_are_refused() -> None:
    with pytest.raises((KeyError, TypeError)):
        epoch_from({"epoch": 1})
