"""Planes of a stack are read behind the interface, and the ones that were seen last are kept."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari._app_model import get_app_model
from napari.layers import Layer

from napari_cryoden.jobs.stack_reading import StackReading
from napari_cryoden.layers.contrast import robust
from napari_cryoden.layers.file_layer import of_file
from napari_cryoden.layers.in_view import drawn
from napari_cryoden.layers.layer_data import to_micrograph
from napari_cryoden.window import main_window

IMAGES = np.random.default_rng(0).normal(size=(4, 520, 600)).astype(np.float32)
IMAGES += 100 * np.arange(4, dtype=np.float32)[:, None, None]


@pytest.fixture
def layer(viewer: Any, write_mrc: Any) -> Any:
    made, _ = of_file(write_mrc("s.mrcs", IMAGES))
    layer = Layer.create(*made)
    StackReading.of(viewer)
    viewer.add_layer(layer)
    viewer.scene.camera.zoom = 0.2  # from afar
    viewer.window._qt_viewer.canvas.on_draw(None)
    return layer


def shown(layer: Any) -> float:
    return float(np.mean(layer._slice.image.raw))


def test_a_plane_is_empty_until_a_thread_has_read_it(
    qtbot: Any, viewer: Any, layer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, threads = layer.data[0], []

    def noted(plane: int, pixels: Any = stack.pixels) -> Any:
        threads.append(threading.current_thread())
        return pixels(plane)

    monkeypatch.setattr(stack, "pixels", noted)
    assert layer.data_level > 0
    viewer.dims.set_current_step(0, 2)
    assert np.isnan(shown(layer))
    qtbot.waitUntil(lambda: not StackReading.of(viewer).running)
    assert shown(layer) == pytest.approx(200, abs=1)
    assert threading.main_thread() not in threads
    assert len(threads) == 1


def test_whoever_wants_the_pixels_gets_them_at_once(qtbot: Any, viewer: Any, layer: Any) -> None:
    viewer.dims.set_current_step(0, 3)
    np.testing.assert_array_equal(to_micrograph(layer).data, IMAGES[3])
    qtbot.waitUntil(lambda: not StackReading.of(viewer).running)


def test_a_plane_that_cannot_be_read_stays_empty_and_is_asked_for_once(
    qtbot: Any, viewer: Any, layer: Any
) -> None:
    path: Path = layer.data[0].path
    path.write_bytes(path.read_bytes()[:1000])
    viewer.dims.set_current_step(0, 3)
    qtbot.waitUntil(lambda: not StackReading.of(viewer).running)
    assert np.isnan(shown(layer))
    layer.refresh()
    assert not StackReading.of(viewer).running


def test_another_micrograph_with_coarser_levels_may_be_open(
    qtbot: Any, viewer: Any, write_mrc: Any, layer: Any
) -> None:
    made, _ = of_file(write_mrc("m.mrc", IMAGES[0]))
    other = viewer.add_layer(Layer.create(*made))
    assert other.multiscale
    viewer.dims.set_current_step(0, 2)
    qtbot.waitUntil(lambda: not StackReading.of(viewer).running)
    assert shown(layer) == pytest.approx(200, abs=1)


def test_a_stack_that_napari_opens_is_followed_before_any_dock_is_open(
    qtbot: Any, viewer: Any, write_mrc: Any
) -> None:
    (layer,) = viewer.open(write_mrc("s.mrcs", IMAGES), plugin="napari-cryoden")
    viewer.scene.camera.zoom = 0.2
    viewer.window._qt_viewer.canvas.on_draw(None)
    viewer.dims.set_current_step(0, 2)
    assert np.isnan(shown(layer))
    qtbot.waitUntil(lambda: not StackReading.of(viewer).running)
    assert shown(layer) == pytest.approx(200, abs=1)


def test_nothing_is_followed_for_a_single_micrograph(viewer: Any, write_mrc: Any) -> None:
    viewer.open(write_mrc("m.mrc", IMAGES[0]), plugin="napari-cryoden")
    assert main_window(viewer).findChild(StackReading) is None


def test_all_planes_at_once_are_read_once_and_where_they_are_asked_for(
    qtbot: Any, viewer: Any, layer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, read = layer.data[0], list[int]()

    def noted(plane: int, pixels: Any = stack.pixels) -> Any:
        read.append(plane)
        return pixels(plane)

    monkeypatch.setattr(stack, "pixels", noted)
    for _ in range(2):
        viewer.dims.ndisplay = 3
        assert np.isfinite(layer._slice.image.raw).all()
        assert not StackReading.of(viewer).running
        viewer.dims.ndisplay = 2
    qtbot.waitUntil(lambda: not StackReading.of(viewer).running)
    assert len(read) <= len(IMAGES)


def test_a_stack_is_duplicated_as_what_it_is(viewer: Any, layer: Any) -> None:
    viewer.layers.selection.active = layer
    get_app_model().commands.execute_command("napari.layer.duplicate").result()
    _, copy = viewer.layers
    assert copy.data[0] is layer.data[0]


def test_the_contrast_of_a_plane_that_is_not_read_yet_is_that_of_its_pixels(
    qtbot: Any, viewer: Any, layer: Any
) -> None:
    viewer.dims.set_current_step(0, 3)
    assert np.isnan(shown(layer))
    low, high = robust(drawn(viewer, layer, whole=True))
    assert 290 < low < 300 < high < 310
    qtbot.waitUntil(lambda: not StackReading.of(viewer).running)
