from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def train(docked: Any) -> Any:
    return docked("Train a denoiser")[1]


def test_a_home_folder_of_nobody_is_taken_as_it_is_typed(train: Any) -> None:
    typed = "~nobody of this name/runs/a"
    train.folder.line.setText(typed)
    assert train.folder.path == Path(typed)
    train.folder.line.setText("~/a")
    assert train.folder.path == Path.home() / "a"
