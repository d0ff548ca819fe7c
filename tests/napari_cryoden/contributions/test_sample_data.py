from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def dock(docked: Any) -> Any:
    return docked("Open micrographs")[1]


def test_the_sample_button_opens_what_the_sample_menu_opens(qtbot: Any, dock: Any) -> None:
    with qtbot.waitSignal(dock.opening.ended):
        dock.sample_button.click()
    names = [layer.name for layer in dock.viewer.layers]
    assert names == ["sample1_EVN", "sample1_ODD", "sample2_EVN", "sample2_ODD"]
