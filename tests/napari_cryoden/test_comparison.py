from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_cryoden.comparison import Comparison


@pytest.fixture
def three(viewer: Any, noise: Any) -> Any:
    return [
        viewer.add_image(noise + number, name=f"m{number}", scale=(2, 2), units=("angstrom",) * 2)
        for number in range(3)
    ]


def test_raw_stands_left_and_denoised_right_of_it_alone(viewer: Any, three: Any) -> None:
    raw, other, denoised = three
    Comparison(viewer).show(raw, denoised)
    grid = viewer.canvas.grid
    place = {layer: grid.position(viewer.layers.index(layer), viewer.layers) for layer in three}
    assert (place[raw], place[denoised]) == ((0, 0), (0, 1))
    assert not other.visible


def test_raw_stays_left_when_it_lies_above_the_denoised_layer(viewer: Any, three: Any) -> None:
    denoised, _, raw = three
    Comparison(viewer).show(raw, denoised)
    positions = [
        viewer.canvas.grid.position(viewer.layers.index(one), viewer.layers) for one in (raw, denoised)
    ]
    assert positions == [(0, 0), (0, 1)]


def test_both_sides_share_one_camera_and_the_scale_bar_is_in_angstrom(viewer: Any, three: Any) -> None:
    Comparison(viewer).show(three[0], three[2])
    viewer.scene.camera.zoom = 7
    cameras = viewer.window._qt_viewer.canvas.grid_cameras
    assert len(cameras) == 2
    assert {camera.zoom for camera in cameras} == {viewer.scene.camera.zoom}
    assert viewer.canvas.overlays.scale_bar.visible
    assert str(viewer.layers.extent.units[0]) == "angstrom"


def test_the_users_own_view_comes_back(viewer: Any, three: Any) -> None:
    grid, scale_bar = viewer.canvas.grid, viewer.canvas.overlays.scale_bar
    grid.enabled, grid.shape, grid.stride, grid.spacing = True, (3, 1), -1, 10
    three[1].visible = False
    orientation = viewer.scene.camera.orientation
    comparison = Comparison(viewer)
    comparison.show(three[0], three[2])
    comparison.show(three[1], three[2])
    assert comparison.active
    comparison.leave()
    assert (grid.enabled, grid.shape, grid.stride, grid.spacing) == (True, (3, 1), -1, 10)
    assert not scale_bar.visible
    assert [layer.visible for layer in three] == [True, False, True]
    assert viewer.scene.camera.orientation == orientation
    assert not comparison.active


def test_a_layer_deleted_meanwhile_does_not_hinder_the_way_back(viewer: Any, three: Any) -> None:
    comparison = Comparison(viewer)
    comparison.show(three[0], three[2])
    viewer.layers.remove(three[1])
    viewer.add_image(np.zeros((8, 8)), name="new", visible=True)
    comparison.leave()
    assert [layer.visible for layer in viewer.layers] == [True, True, True]
    assert not viewer.canvas.grid.enabled
