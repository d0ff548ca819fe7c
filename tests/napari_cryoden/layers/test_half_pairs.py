from __future__ import annotations

from typing import Any

import pytest

from tests.napari_cryoden.checking import checked


@pytest.fixture
def train(docked: Any) -> Any:
    return docked("Train a denoiser")[1]


def test_renaming_and_deleting_layers_changes_the_pairs(
    qtbot: Any, train: Any, viewer: Any, add_halves: Any
) -> None:
    even, *_ = add_halves()
    checked(qtbot, train)
    even.name = "else"
    qtbot.waitUntil(lambda: len(train.source.pairs.verdicts()) == 1)
    viewer.layers.clear()
    qtbot.waitUntil(lambda: train.source.pairs.verdicts() == [])
    assert not train.train_button.isEnabled()
