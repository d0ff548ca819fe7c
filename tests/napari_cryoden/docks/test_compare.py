"""The Compare dock on real layers in a real window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from napari_cryoden.docks.compare import CompareWidget
from napari_cryoden.plots.spectra_dock import TITLE
from tests.napari_cryoden.deriving import finished


def test_without_two_layers_every_button_is_off_and_says_why(docked: Callable[..., Any]) -> None:
    dock = docked("Compare")[1]
    for button in (*dock.modes.values(), dock.residual_button, dock.spectra_button):
        assert not button.isEnabled()
        assert "two different layers" in button.toolTip()


def test_a_mode_is_one_click_and_the_way_back_another(dock: Any, viewer: Any, halves: list[Any]) -> None:
    dock.denoised.layer = halves[1]
    dock.modes["swipe"].click()
    assert dock.modes["swipe"].isChecked()
    assert dock.line.isEnabled()
    assert [layer.visible for layer in halves] == [True, True, False, False]
    dock.end_button.click()
    assert not any(button.isChecked() for button in dock.modes.values())
    assert all(layer.visible for layer in halves)
    assert not viewer.canvas.grid.enabled


def test_layers_of_different_sizes_are_not_compared(dock: Any, viewer: Any) -> None:
    small = viewer.add_image(np.zeros((8, 8)), name="small")
    dock.denoised.layer = small
    assert not dock.modes["grid"].isEnabled()


def test_the_way_back_puts_the_spectra_away(qtbot: Any, dock: Any, viewer: Any, halves: list[Any]) -> None:
    dock.denoised.layer = halves[1]
    dock.modes["grid"].click()
    finished(dock, qtbot)
    dock.spectra_button.click()
    finished(dock, qtbot)
    assert viewer.window.dock_widgets[TITLE].isVisible()
    dock.end_button.click()
    assert not viewer.window.dock_widgets[TITLE].isVisible()
    dock.spectra_button.click()
    finished(dock, qtbot)
    assert viewer.window.dock_widgets[TITLE].isVisible()


def test_a_second_dock_with_other_layers_leaves_those_of_the_first_alone(
    qtbot: Any, dock: Any, viewer: Any, halves: list[Any]
) -> None:
    dock.denoised.layer = halves[1]
    other = CompareWidget(viewer)  # as in the dock of all steps
    qtbot.addWidget(other)
    other.raw.layer, other.denoised.layer = halves[2:]
    dock.modes["grid"].click()
    finished(dock, qtbot)
    assert not dock.deriving.running
    assert dock.comparison.layers[:2] == halves[:2]
    other.residual_button.click()
    finished(dock, qtbot)
    qtbot.waitUntil(lambda: dock.comparison.layers[:2] == halves[2:])
