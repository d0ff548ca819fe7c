"""The Compare dock on real layers in a real window."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from napari_cryoden.plots.spectra_dock import TITLE, ticks


@pytest.fixture
def halves(add_halves: Callable[[], list[Any]]) -> list[Any]:
    return add_halves()


@pytest.fixture
def dock(docked: Callable[..., Any], halves: list[Any]) -> Any:  # noqa: ARG001  layers first
    return docked("Compare")[1]


def finished(dock: Any, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: not dock.deriving.running)


def test_without_two_layers_every_button_is_off_and_says_why(docked: Callable[..., Any]) -> None:
    dock = docked("Compare")[1]
    for button in (*dock.modes.values(), dock.low_pass_button, dock.spectra_button):
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


def test_a_low_pass_and_a_residual_come_to_stand_beside_the_two(
    dock: Any, viewer: Any, halves: list[Any], qtbot: Any
) -> None:
    raw, other = halves[:2]
    dock.modes["grid"].click()
    dock.low_pass_button.click()
    finished(dock, qtbot)
    dock.residual_button.click()
    finished(dock, qtbot)
    low, residual = dock.comparison.layers[2:]
    assert (low.name, residual.name) == (f"{raw.name} · low-pass 20 Å", f"{raw.name} · residual")
    assert low.data.std() < raw.data.std() / 2
    assert tuple(low.scale) == tuple(raw.scale)
    np.testing.assert_allclose(residual.data, raw.data - other.data)
    assert sum(residual.contrast_limits) == pytest.approx(0)
    assert viewer.canvas.grid.shape == (1, 4)


def test_spectra_are_told_against_the_other_half_where_it_is_open(
    dock: Any, viewer: Any, halves: list[Any], qtbot: Any
) -> None:
    dock.denoised.layer = halves[2]
    dock.spectra_button.click()
    finished(dock, qtbot)
    spectra = dock.deriving.spectra
    assert spectra.against == halves[1].name
    own, stranger = (spectra.correlation[layer.name].values for layer in (halves[0], halves[2]))
    assert own[2:12].mean() > 0.3 > stranger[2:12].mean()  # one scene, and two
    words = viewer.window.dock_widgets[TITLE].words.text()
    assert halves[1].name in words
    viewer.layers.remove(halves[1])
    dock.spectra_button.click()
    finished(dock, qtbot)
    assert dock.deriving.spectra.against == ""


def test_layers_of_different_sizes_are_not_compared(dock: Any, viewer: Any) -> None:
    small = viewer.add_image(np.zeros((8, 8)), name="small")
    dock.denoised.layer = small
    assert not dock.modes["grid"].isEnabled()


@pytest.mark.parametrize("finest", [1.2, 2, 4, 20])
def test_lengths_below_a_spectrum_never_stand_on_one_another(finest: float) -> None:
    places = [1 / length for length in ticks(1 / finest)]
    assert places
    assert all(one - other >= 1 / finest / 30 for one, other in pairwise(places))
