"""A region of a layer, watched while a run goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cryoden.events.training import PreviewMade
from cryoden.settings.training import TrainingSettings


@pytest.fixture
def train(docked: Callable[..., Any], add_halves: Callable[[], list[Any]], tmp_path: Path, qtbot: Any) -> Any:
    add_halves()
    dock = docked("Train a denoiser")[1]
    dock.form.set(TrainingSettings(epochs=2, steps_per_epoch=3, batch=1, patch=64))
    dock.folder.path = tmp_path / "m"
    qtbot.waitUntil(dock.train_button.isEnabled)
    yield dock
    dock.run.stop()
    qtbot.waitUntil(lambda: not dock.run.running)


def watched(dock: Any, viewer: Any, qtbot: Any) -> Any:
    dock.train_button.click()
    name = f"{dock.preview.layer.layer.name} · preview"
    qtbot.waitUntil(lambda: name in viewer.layers or not dock.run.running)
    return viewer.layers[name]


def test_the_region_in_the_middle_of_the_view_appears_denoised_in_its_place(
    train: Any, viewer: Any, qtbot: Any
) -> None:
    raw = viewer.layers[0]
    train.preview.layer.layer = raw
    shown = watched(train, viewer, qtbot)
    height, width = shown.data.shape
    top, left = (round(float(each)) for each in raw.world_to_data(shown.translate))
    under = raw.data[top : top + height, left : left + width]
    assert under.shape == shown.data.shape
    assert shown.data.std() < under.std() / 2
    assert np.corrcoef(shown.data.ravel(), under.ravel())[0, 1] > 0.1
    assert tuple(shown.scale) == tuple(raw.scale)


def test_contrast_stays_and_pixels_change_in_place(train: Any, viewer: Any, qtbot: Any) -> None:
    train.preview.layer.layer = viewer.layers[0]
    shown = watched(train, viewer, qtbot)
    limits, number = shown.contrast_limits, len(viewer.layers)
    region = train.run.previews.region.micrograph
    train.run.previewed.emit(PreviewMade(9, 4, 6, type(region)(2 * shown.data, region.pixel_size, "x")))
    assert len(viewer.layers) == number
    assert shown.contrast_limits == limits
    assert tuple(viewer.layers[0].world_to_data(shown.translate)) == pytest.approx((4, 6))


def test_a_layer_removed_meanwhile_is_looked_at_no_more(train: Any, viewer: Any, qtbot: Any) -> None:
    train.preview.layer.layer = viewer.layers[0]
    shown = watched(train, viewer, qtbot)
    raw = viewer.layers[0]
    viewer.layers.remove(raw)
    viewer.layers.remove(shown)
    qtbot.waitUntil(lambda: not train.run.running)
    assert train.run.previews.region is None or train.run.previews.region.micrograph.name != raw.name
    assert not [layer for layer in viewer.layers if layer.name == shown.name]


def test_without_a_chosen_layer_there_is_nothing_to_move(train: Any) -> None:
    assert train.preview.layer.layer is None
    assert not train.preview.here_button.isEnabled()
    assert train.run.previews.region is None
