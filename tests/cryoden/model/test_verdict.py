from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cryoden.events.quality import TrainingStatus
from cryoden.model.checkpoint import Model, write
from cryoden.model.general import GENERAL
from cryoden.model.verdict import verdict_of

WEIGHTS = {"w": np.zeros(3, np.float32)}
EPOCHS = [
    {"epoch": 1, "verdict": {"level": "good", "words": "good to use"}},
    {"epoch": 2, "verdict": {"level": "bad", "words": "do not use"}},
]


@pytest.mark.parametrize(("best", "words"), [(1, "good to use"), (2, "do not use")])
def test_the_verdict_is_that_of_the_epoch_in_the_file(tmp_path: Path, best: int, words: str) -> None:
    write(Model("unet", WEIGHTS, 1.0, {"history": EPOCHS, "best_epoch": best}), tmp_path / "m")
    found = verdict_of(tmp_path / "m")
    assert isinstance(found, TrainingStatus)
    assert found.words == words


def test_files_that_do_not_say_have_none(tmp_path: Path) -> None:
    write(Model("unet", WEIGHTS, 1.0), tmp_path / "silent")
    (tmp_path / "photo").write_bytes(b"GIF89a" * 100)
    for path in (tmp_path / "silent", tmp_path / "photo", tmp_path / "none", tmp_path, GENERAL):
        assert verdict_of(path) is None
