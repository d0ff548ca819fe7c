from __future__ import annotations

from typing import Any

import pytest
from qtpy.QtWidgets import QLabel

from tests.napari_cryoden.checking import checked


@pytest.fixture
def train(docked: Any) -> Any:
    return docked("Train a denoiser")[1]


def test_the_docks_fit_a_small_screen(docked: Any) -> None:
    for name in ("Train a denoiser", "Denoise"):
        widget = docked(name)[1]
        assert widget.sizeHint().width() <= 320
        assert widget.minimumSizeHint().height() <= 400


def test_no_label_is_wider_than_its_dock(qtbot: Any, train: Any, add_halves: Any) -> None:
    add_halves()
    checked(qtbot, train)
    for label in filter(QLabel.isVisible, train.findChildren(QLabel)):
        right = label.mapTo(train, label.rect().bottomRight()).x()
        assert right <= train.width()
        assert label.wordWrap() or label.width() >= label.sizeHint().width()
