from __future__ import annotations

from typing import Any

import pytest

from napari_cryoden.layers.half_pairs import pairs_of


@pytest.fixture
def dock(docked: Any) -> Any:
    return docked("Open micrographs")[1]


def test_the_sample_button_opens_what_the_sample_menu_opens(qtbot: Any, dock: Any) -> None:
    with qtbot.waitSignal(dock.opening.ended):
        dock.sample_button.click()
    names = [layer.name for layer in dock.viewer.layers]
    assert names == ["sample1_EVN", "sample1_ODD", "sample2_EVN", "sample2_ODD"]


def test_pressed_again_the_button_opens_what_was_closed_and_no_second_copy(qtbot: Any, dock: Any) -> None:
    layers = dock.viewer.layers
    for status in ("4 opened", "Open already", "1 opened"):
        with qtbot.waitSignal(dock.opening.ended):
            dock.sample_button.click()
        assert dock.status.text() == status
        assert len(layers) == len(pairs_of(layers)) * 2 == 4
        if status == "Open already":
            layers.remove("sample1_ODD")
