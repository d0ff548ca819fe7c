from __future__ import annotations

from pathlib import Path

import tyro

from cryoden.cli.flags import Train
from cryoden.cli.main import STYLE

TRAIN = ["--halves", "average", "--model", "m"]


def test_flags_have_their_former_names_too() -> None:
    former = ["--begin", "scratch", "--held-out", "0.3", "--start", "s.safetensors"]
    today = ["--start-from", "scratch", "--validation-fraction", "0.3", "--fine-tune-from", "s.safetensors"]
    asked = tyro.cli(Train, args=[*TRAIN, *former], config=STYLE)
    assert asked == tyro.cli(Train, args=[*TRAIN, *today], config=STYLE)
    assert (asked.training.start_from, asked.training.validation_fraction) == ("scratch", 0.3)
    assert asked.fine_tune_from == Path("s.safetensors")
