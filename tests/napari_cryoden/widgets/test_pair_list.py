from __future__ import annotations

from typing import Any

import pytest
from qtpy.QtCore import Qt

from tests.napari_cryoden.checking import checked


@pytest.fixture
def train(docked: Any) -> Any:
    return docked("Train a denoiser")[1]


def test_open_halves_are_listed_with_a_verdict_each(qtbot: Any, train: Any, add_halves: Any) -> None:
    add_halves()
    checked(qtbot, train)
    assert [line.split(",")[0] for line in train.source.pairs.verdicts()] == ["m1 · usable", "m2 · usable"]
    assert train.train_button.isEnabled()


def test_a_pair_of_one_image_twice_is_not_trained_with(
    qtbot: Any, train: Any, viewer: Any, noise: Any
) -> None:
    for name in ("copy_EVN", "copy_ODD"):
        viewer.add_image(noise, name=name)
    checked(qtbot, train)
    assert train.source.pairs.verdicts() == ["copy · identical"]
    assert not train.train_button.isEnabled()
    assert "No usable pair is ticked" in train.train_button.toolTip()


def test_a_pair_can_be_left_out(qtbot: Any, train: Any, add_halves: Any) -> None:
    add_halves()
    checked(qtbot, train)
    train.source.pairs.item(0).setCheckState(Qt.CheckState.Unchecked)
    assert len(train.source.material()()) == 1
    train.source.pairs.item(1).setCheckState(Qt.CheckState.Unchecked)
    assert not train.train_button.isEnabled()
