from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from app_model.types import KeyBinding
from napari.utils.shortcuts import _default_shortcuts

from napari_cryoden.layers.canvas import HIDDEN
from napari_cryoden.layers.side_by_side import KEY, SideBySide


def test_raw_stands_left_and_denoised_right_of_it_alone(viewer: Any, three: Any) -> None:
    raw, other, denoised = three
    SideBySide(viewer).show(raw, denoised)
    grid = viewer.canvas.grid
    place = {layer: grid.position(viewer.layers.index(layer), viewer.layers) for layer in three}
    assert (place[raw], place[denoised]) == ((0, 0), (0, 1))
    assert not other.visible


def test_raw_stays_left_when_it_lies_above_the_denoised_layer(viewer: Any, three: Any) -> None:
    denoised, _, raw = three
    SideBySide(viewer).show(raw, denoised)
    positions = [
        viewer.canvas.grid.position(viewer.layers.index(one), viewer.layers) for one in (raw, denoised)
    ]
    assert positions == [(0, 0), (0, 1)]


def test_both_sides_share_one_camera_and_the_scale_bar_is_in_angstrom(viewer: Any, three: Any) -> None:
    SideBySide(viewer).show(three[0], three[2])
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
    comparison = SideBySide(viewer)
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
    comparison = SideBySide(viewer)
    comparison.show(three[0], three[2])
    viewer.layers.remove(three[1])
    viewer.add_image(np.zeros((8, 8)), name="new", visible=True)
    comparison.leave()
    assert [layer.visible for layer in viewer.layers] == [True, True, True]
    assert not viewer.canvas.grid.enabled


def test_blinking_shows_one_layer_in_place_of_the_other_at_the_same_place(viewer: Any, three: Any) -> None:
    comparison = SideBySide(viewer)
    comparison.show(three[0], three[2], mode="blink")
    seen = [[layer.visible for layer in three]]
    center = viewer.scene.camera.center
    for _ in range(2):
        viewer.keymap[KeyBinding.from_str(KEY)](viewer)
        seen.append([layer.visible for layer in three])
    assert seen == [[True, False, False], [False, False, True], [True, False, False]]
    assert not viewer.canvas.grid.enabled
    assert viewer.scene.camera.center == center


def test_the_key_for_blinking_is_none_of_naparis() -> None:
    taken = {str(key) for keys in _default_shortcuts.values() for key in keys}
    assert KEY not in taken


def test_what_is_in_sight_stays_as_wide_when_the_way_of_comparing_changes(viewer: Any, three: Any) -> None:
    comparison = SideBySide(viewer)
    comparison.show(three[0], three[2])
    zoom = viewer.scene.camera.zoom
    comparison.show(three[0], three[2], mode="swipe")
    assert viewer.scene.camera.zoom == pytest.approx(2 * zoom)
    comparison.show(three[0], three[2])
    assert viewer.scene.camera.zoom == pytest.approx(zoom)


def test_when_a_compared_layer_is_removed_the_users_view_comes_back(
    qtbot: Any, viewer: Any, three: Any
) -> None:
    comparison = SideBySide(viewer)
    comparison.show(*three, mode="swipe")
    with qtbot.waitSignal(comparison.changed):
        viewer.layers.remove(three[1])
    assert comparison.layers == [three[0], three[2]]
    with qtbot.waitSignal(comparison.changed):
        viewer.layers.remove(three[2])
    assert not comparison.active
    assert not viewer.canvas.grid.enabled


def in_sight(viewer: Any, layer: Any) -> tuple[Any, float]:
    """Where the middle of a layer is seen in its cell, and how much of the cell's shorter side it fills."""
    (top, left), (bottom, right) = layer.extent.world
    cell = viewer.canvas.viewbox_size(viewer.layers)
    size = np.array([bottom - top, right - left]) * viewer.scene.camera.zoom
    off = np.array(viewer.scene.camera.center[-2:]) - ((top + bottom) / 2, (left + right) / 2)
    return off, float((size / cell).max())


@pytest.mark.parametrize("count", [2, 3, 4])
def test_what_is_compared_fills_its_cells_whatever_else_is_open(viewer: Any, noise: Any, count: int) -> None:
    viewer.add_image(np.zeros((3000, 3000), np.float32), name="large")
    small = [viewer.add_image(noise, name=f"m{number}") for number in range(4)]
    SideBySide(viewer).show(*small[:count])
    off, filled = in_sight(viewer, small[0])
    np.testing.assert_allclose(off, 0, atol=1)
    assert filled == pytest.approx(0.95, abs=0.05)


def test_four_layers_stand_in_two_rows(viewer: Any, noise: Any) -> None:
    four = [viewer.add_image(noise, name=f"m{number}") for number in range(4)]
    SideBySide(viewer).show(*four)
    grid = viewer.canvas.grid
    cells = [grid.position(viewer.layers.index(layer), viewer.layers) for layer in four]
    assert cells == [(0, 0), (0, 1), (1, 0), (1, 1)]


@pytest.mark.parametrize(("canvas", "shape"), [((640, 640), (2, 2)), ((300, 900), (1, 3))])
def test_three_layers_stand_as_the_canvas_has_room_for_them(
    viewer: Any, three: Any, canvas: tuple[int, int], shape: tuple[int, int]
) -> None:
    viewer.canvas.size = canvas
    SideBySide(viewer).show(*three)
    assert viewer.canvas.grid.shape == shape


def test_who_has_zoomed_in_keeps_what_is_in_sight_when_a_layer_is_added(viewer: Any, three: Any) -> None:
    viewer.canvas.size = (300, 900)  # with room for three in a row
    comparison = SideBySide(viewer)
    comparison.show(three[0], three[1])
    viewer.scene.camera.zoom, viewer.scene.camera.center = 11, (30, 40)
    comparison.show(*three)
    assert viewer.scene.camera.center[-2:] == (30, 40)
    assert viewer.scene.camera.zoom == pytest.approx(11 * 2 / 3)


def test_the_way_back_hides_what_was_added_to_compare_and_keeps_the_result(viewer: Any, three: Any) -> None:
    viewer.scene.camera.zoom, viewer.scene.camera.center = 5, (10, 20)
    comparison = SideBySide(viewer)
    comparison.show(three[0], three[1])
    added = [
        viewer.add_image(three[0].data, name=role, metadata={"cryoden": {"role": role}})
        for role in ("denoised", "low-pass", "residual")
    ]
    comparison.show(three[0], *added)
    comparison.leave()
    assert [layer.visible for layer in added] == [True, False, False]
    assert (viewer.scene.camera.zoom, viewer.scene.camera.center[-2:]) == (5, (10, 20))


def test_the_order_of_layers_comes_back_with_what_is_new_on_top(viewer: Any, three: Any) -> None:
    raw, other, denoised = three
    comparison = SideBySide(viewer)
    comparison.show(denoised, raw)
    new = viewer.add_image(raw.data, name="new")
    comparison.show(denoised, raw)
    assert list(viewer.layers) != [raw, other, denoised, new]
    comparison.leave()
    assert list(viewer.layers) == [raw, other, denoised, new]


def test_what_is_opened_meanwhile_waits_for_the_end_and_that_is_said_once(
    qtbot: Any, viewer: Any, three: Any, write_mrc: Any, noise: Any, remarks: Any
) -> None:
    comparison = SideBySide(viewer)
    comparison.show(three[0], three[2])
    shape = viewer.canvas.grid.actual_shape(viewer.layers)
    (even,) = viewer.open(write_mrc("m9_EVN.mrc", noise), plugin="napari-cryoden")
    (odd,) = viewer.open(write_mrc("m9_ODD.mrc", noise), plugin="napari-cryoden")
    picks = viewer.add_points([(3, 4)], name="points", units=("angstrom",) * 2)
    assert [even.visible, odd.visible, picks.visible] == [False, False, True]
    assert viewer.canvas.grid.actual_shape(viewer.layers) == shape
    qtbot.waitUntil(lambda: remarks == [f"m9_EVN — {HIDDEN}"])
    viewer.open(write_mrc("m8.mrc", noise), plugin="napari-cryoden")
    comparison.show(three[0], three[1])
    assert remarks == [f"m9_EVN — {HIDDEN}"]
    comparison.leave()
    assert even.visible
    assert odd.visible


def test_what_is_made_of_compared_layers_is_not_hidden(viewer: Any, three: Any, noise: Any) -> None:
    SideBySide(viewer).show(three[0], three[2])
    facts = {"role": "preview", "raw_id": three[0].unique_id}
    assert viewer.add_image(noise, units=("angstrom",) * 2, metadata={"cryoden": facts}).visible


def test_what_is_opened_becomes_visible_where_it_is_compared(viewer: Any, three: Any) -> None:
    comparison = SideBySide(viewer)
    comparison.show(three[0], three[2])
    opened = viewer.add_image(three[0].data, name="opened")
    comparison.show(three[0], opened)
    assert opened.visible


def test_a_layer_that_is_opened_when_nothing_is_compared_is_shown(viewer: Any, three: Any) -> None:
    comparison = SideBySide(viewer)
    comparison.show(three[0], three[2])
    comparison.leave()
    assert viewer.add_image(three[0].data, name="opened").visible


@pytest.mark.parametrize("is_closer", [False, True])
def test_another_size_of_the_canvas_is_filled_unless_the_user_has_looked_closer(
    qtbot: Any, viewer: Any, three: Any, is_closer: bool
) -> None:
    viewer.window.resize(800, 950)
    qtbot.waitUntil(lambda: viewer.canvas.size[0] > viewer.canvas.size[1])
    comparison = SideBySide(viewer)
    comparison.show(*three)
    comparison.show(*three)  # once more, as when something was computed of them
    assert viewer.canvas.grid.shape == (3, 1)
    if is_closer:
        viewer.scene.camera.zoom = 11
    viewer.window.resize(1500, 700)
    qtbot.waitUntil(lambda: viewer.canvas.grid.shape == (2, 2))
    off, filled = in_sight(viewer, three[0])
    assert (filled == pytest.approx(0.95, abs=0.05)) is not is_closer
    assert is_closer or np.abs(off).max() < 1


def test_a_comparison_left_while_it_is_built_up_stays_left(viewer: Any, three: Any) -> None:
    comparison = SideBySide(viewer)
    for steps in range(1, 4):
        showing = comparison.showing(*three[:2])
        for _ in range(steps):
            next(showing)
        comparison.leave()
        assert list(showing) == []
        assert not comparison.active
        assert not viewer.canvas.grid.enabled
        assert all(layer.visible for layer in three)


def test_what_is_shown_last_stays_shown(viewer: Any, three: Any) -> None:
    comparison = SideBySide(viewer)
    showing = comparison.showing(*three[:2])
    next(showing)
    comparison.show(three[0], three[2])
    assert list(showing) == []
    assert comparison.layers == [three[0], three[2]]
    assert [layer.visible for layer in three] == [True, False, True]


@pytest.mark.parametrize("steps", range(1, 4))
def test_a_layer_removed_while_the_comparison_is_built_up_leaves_no_empty_cell(
    qtbot: Any, viewer: Any, three: Any, steps: int
) -> None:
    comparison = SideBySide(viewer)
    showing = comparison.showing(*three)
    for _ in range(steps):
        next(showing)
    viewer.layers.remove(three[1])
    with qtbot.waitSignal(comparison.changed):
        pass
    list(showing)
    assert comparison.layers == [three[0], three[2]]
    assert [layer.visible for layer in viewer.layers] == [True, True]
    assert viewer.canvas.grid.actual_shape(viewer.layers) == (1, 2)


def test_a_canvas_that_is_filled_is_filled_again_when_a_layer_is_removed(qtbot: Any, viewer: Any) -> None:
    tall = [viewer.add_image(np.eye(400, 120, dtype=np.float32), name=f"m{number}") for number in range(3)]
    comparison = SideBySide(viewer)
    comparison.show(*tall)
    assert viewer.canvas.grid.shape == (1, 3)
    with qtbot.waitSignal(comparison.changed):
        viewer.layers.remove(tall[2])
    assert in_sight(viewer, tall[0])[1] == pytest.approx(0.95, abs=0.05)
    large = [viewer.add_image(np.eye(4000, 1200, dtype=np.float32), name=f"l{number}") for number in range(3)]
    comparison.show(*large)
    assert in_sight(viewer, large[0])[1] == pytest.approx(0.95, abs=0.05)


def test_of_what_is_compared_as_soon_as_it_is_opened_nothing_is_said(
    qtbot: Any, viewer: Any, three: Any, remarks: Any
) -> None:
    comparison = SideBySide(viewer)
    comparison.show(three[0], three[2])
    units = ("angstrom",) * 2
    opened = viewer.add_image(three[0].data, name="opened", units=units)
    comparison.show(three[0], opened)
    viewer.add_image(three[0].data, name="another", units=units)
    qtbot.waitUntil(lambda: remarks == [f"another — {HIDDEN}"])


def test_what_was_added_hidden_stays_so_and_a_preview_is_visible_in_the_end(
    viewer: Any, three: Any, noise: Any
) -> None:
    comparison = SideBySide(viewer)
    comparison.show(three[0], three[2])
    hidden = viewer.add_image(noise, name="hidden", visible=False)
    facts = {"role": "preview", "raw_id": three[0].unique_id}
    preview = viewer.add_image(noise, name="preview", metadata={"cryoden": facts})
    comparison.show(three[0], three[1])
    assert not preview.visible
    comparison.leave()
    assert (hidden.visible, preview.visible) == (False, True)


def test_the_contrast_comes_back_to_layers_that_show_what_they_did(viewer: Any, three: Any) -> None:
    raw, other, denoised = three
    for layer in three:
        layer.contrast_limits = (1, 9)
    comparison = SideBySide(viewer)
    comparison.show(raw, denoised)
    assert raw.contrast_limits != [1, 9]
    denoised.data = other.data * 2
    denoised.contrast_limits = (3, 20)
    comparison.leave()
    assert (raw.contrast_limits, denoised.contrast_limits) == ([1, 9], [3, 20])
