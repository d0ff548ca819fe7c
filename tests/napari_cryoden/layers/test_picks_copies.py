"""Picks over layers that stand side by side."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cryoden.picking.star_output import coordinates, write_edited
from cryoden.picking.star_picks import read_star
from napari_cryoden.layers.layer_data import facts_of
from napari_cryoden.layers.picks_layer import add_picks, copies_of, follow_file, picks_of, show_above
from napari_cryoden.layers.side_by_side import SideBySide
from tests.napari_cryoden.picked import DIAMETER, PICKS, PIXEL, circles, raw_and_denoised


@pytest.fixture
def shown(viewer: Any) -> tuple[Any, Any, Any, Any]:
    raw, denoised = raw_and_denoised(viewer)
    picks = add_picks(viewer, raw, PICKS, DIAMETER)
    comparison = SideBySide(viewer)
    comparison.show(raw, denoised)
    return raw, denoised, picks, comparison


def cells(viewer: Any) -> list[list[str]]:
    """Return the names of what is visible, cell by cell."""
    names = [layer.name for layer in viewer.layers if layer.visible]
    stride = viewer.canvas.grid.stride
    return [names[at : at + stride] for at in range(0, len(names), stride)]


def test_raw_and_denoised_have_the_same_picks_in_their_cells(viewer: Any, shown: Any) -> None:
    _, _, picks, _ = shown
    (copy,) = copies_of(viewer.layers, picks)
    assert cells(viewer) == [["m", "m · picks"], ["m · denoised", copy.name]]
    assert circles(copy) == circles(picks)
    np.testing.assert_array_equal(copy.border_color, picks.border_color)


def test_what_is_edited_in_one_cell_is_edited_in_the_other(viewer: Any, shown: Any) -> None:
    _, _, picks, _ = shown
    (copy,) = copies_of(viewer.layers, picks)
    copy.add([[100.0, 110.0]])
    picks.selected_data = {0}
    picks.remove_selected()
    assert circles(copy) == circles(picks)
    assert copy.features.equals(picks.features)
    assert picks.features["row"].tolist() == [1, 2, 3, 4, 5, 6, -1]


def test_a_save_into_their_file_is_known_in_both(viewer: Any, tmp_path: Path) -> None:
    path = tmp_path / "m_manualpick.star"
    path.write_text(coordinates(PICKS))
    raw, denoised = raw_and_denoised(viewer)
    picks = add_picks(viewer, raw, replace(read_star(path)[0], pixel_size=PIXEL), DIAMETER)
    SideBySide(viewer).show(raw, denoised)
    (copy,) = copies_of(viewer.layers, picks)
    picks.selected_data = {0}
    picks.remove_selected()
    before = facts_of(picks)["picks"]
    written = write_edited(picks_of(picks, raw), before, path, overwrite=True, replace_source=True)
    follow_file(viewer.layers, picks, written)
    copy.add([[100.0, 110.0]])
    assert picks_of(picks, raw).rows.tolist() == [0, 1, 2, 3, 4, 5, -1]
    assert facts_of(picks)["picks"].rows.tolist() == read_star(path)[0].rows.tolist()


def test_what_is_too_faint_is_hidden_in_both(viewer: Any, shown: Any) -> None:
    _, _, picks, _ = shown
    show_above(viewer.layers, picks, 4)
    (copy,) = copies_of(viewer.layers, picks)
    assert copy.shown.tolist() == picks.shown.tolist()
    assert not picks.shown.all()


def test_hidden_picks_leave_their_cells_and_come_back(viewer: Any, shown: Any) -> None:
    _, _, picks, _ = shown
    picks.visible = False
    assert cells(viewer) == [["m"], ["m · denoised"]]
    picks.visible = True
    assert [len(cell) for cell in cells(viewer)] == [2, 2]


def test_picks_that_are_added_or_removed_meanwhile_are_followed(qtbot: Any, viewer: Any, shown: Any) -> None:
    raw, denoised, picks, comparison = shown
    more = add_picks(viewer, denoised, PICKS, DIAMETER, "more")
    comparison.arrange()
    assert [len(cell) for cell in cells(viewer)] == [3, 3]
    with qtbot.waitSignal(comparison.changed):
        viewer.layers.remove(picks)
    assert [len(cell) for cell in cells(viewer)] == [2, 2]
    with qtbot.waitSignal(comparison.changed):
        viewer.layers.remove(more)
    assert cells(viewer) == [["m"], ["m · denoised"]]
    assert raw in viewer.layers


def test_one_layer_at_a_time_has_them_on_top(viewer: Any, shown: Any) -> None:
    raw, denoised, picks, comparison = shown
    comparison.show(raw, denoised, mode="blink")
    assert [layer.name for layer in viewer.layers if layer.visible] == ["m", "m · picks"]
    comparison.blink()
    assert [layer.name for layer in viewer.layers if layer.visible] == ["m · denoised", "m · picks"]
    assert copies_of(viewer.layers, picks) == []
    comparison.show(raw, denoised, mode="swipe")
    assert viewer.layers[-1] is picks


def test_afterwards_no_copy_is_left_and_picks_are_seen(viewer: Any, shown: Any) -> None:
    _, _, picks, comparison = shown
    comparison.leave()
    assert len(viewer.layers) == 3
    assert viewer.layers[-1] is picks
    assert picks.visible
    picks.add([[1.0, 2.0]])
    assert len(viewer.layers) == 3


def test_picks_of_another_micrograph_are_not_shown(viewer: Any) -> None:
    raw, denoised = raw_and_denoised(viewer)
    other = viewer.add_image(np.zeros((400, 420)), name="other")
    add_picks(viewer, other, PICKS, DIAMETER)
    SideBySide(viewer).show(raw, denoised)
    assert cells(viewer) == [["m"], ["m · denoised"]]


def test_all_layers_can_be_deleted_at_once(qtbot: Any, viewer: Any, shown: Any) -> None:
    *_, comparison = shown
    viewer.layers.select_all()
    with qtbot.waitSignal(comparison.changed):
        viewer.layers.remove_selected()
    assert list(viewer.layers) == []
    assert not comparison.active
