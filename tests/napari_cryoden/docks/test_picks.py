"""The Picks dock on real layers in a real window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cryoden.picking.star_picks import read_star
from napari_cryoden.layers.picks_layer import is_picks
from tests.cryoden.picking.planted import distances
from tests.cryoden.picking.test_known_particles import coordinates
from tests.napari_cryoden.picked import DIAMETER, PLACES, circles, raw_and_denoised


@pytest.fixture
def images(viewer: Any) -> tuple[Any, Any]:
    return raw_and_denoised(viewer)


@pytest.fixture
def dock(docked: Callable[..., Any], images: Any) -> Any:
    assert images
    dock = docked("Picks")[1]
    dock.form.fields["diameter"].value = DIAMETER
    return dock


def pick(qtbot: Any, dock: Any) -> Any:
    with qtbot.waitSignal(dock.picking.ended):
        dock.pick_button.click()
    return dock.picks.layer


def test_without_a_micrograph_the_button_says_why(docked: Callable[..., Any]) -> None:
    dock = docked("Picks")[1]
    assert not dock.pick_button.isEnabled()
    assert "Open a micrograph" in dock.pick_button.toolTip()
    assert not dock.save_button.isEnabled()


def test_one_click_finds_the_particles_and_another_choice_the_denoised_layer(
    qtbot: Any, dock: Any, images: Any
) -> None:
    raw = pick(qtbot, dock)
    assert raw.name == "m · picks"
    dock.layer.layer = images[1]
    denoised = pick(qtbot, dock)
    assert dock.picks.layer is denoised
    assert f"{len(PLACES)} picks" in dock.status.text()
    centers = np.array([place[:2] for place in circles(denoised)]) / 2
    assert distances(centers, PLACES).max() < 3


def test_the_slider_hides_faint_picks_and_they_are_not_saved(qtbot: Any, dock: Any, tmp_path: Path) -> None:
    layer = pick(qtbot, dock)
    dock.least.setValue(dock.least.maximum() // 2)
    left = int(layer.shown.sum())
    assert 0 < left < len(PLACES)
    assert dock.count.text().startswith(f"{left} of {len(PLACES)} picks shown, figure of merit")
    dock.save(tmp_path / "p.star")
    assert len(read_star(tmp_path / "p.star")[0]) == left
    dock.least.setValue(0)
    assert layer.shown.all()


def test_coordinates_are_shown_on_their_micrograph_edited_and_saved(
    dock: Any, images: Any, tmp_path: Path
) -> None:
    path = coordinates(tmp_path / "m_manualpick.star")
    dock.open([path])
    layer = dock.picks.layer
    assert f"{len(PLACES)} picks on 1 micrographs" in dock.status.text()
    np.testing.assert_allclose([place[:2] for place in circles(layer)], 2 * PLACES)
    layer.selected_data = {0}
    layer.remove_selected()
    dock.save(tmp_path / "edited.star")
    np.testing.assert_allclose(read_star(tmp_path / "edited.star")[0].centers, PLACES[1:])
    before = path.read_text()
    dock.save(path)
    assert path.read_text() == before
    assert "O04" in dock.status.text()
    dock.save(path, replace_source=True)
    assert path.read_text() == (tmp_path / "edited.star").read_text()
    assert images[0].visible


def test_rows_can_be_counted_from_the_other_edge(dock: Any, tmp_path: Path) -> None:
    dock.flip.setChecked(True)
    dock.open([coordinates(tmp_path / "m.star")])
    assert circles(dock.picks.layer)[0][0] == pytest.approx(2 * (399 - PLACES[0, 0]))


def test_coordinates_of_another_name_go_where_one_picks_and_others_are_refused(
    dock: Any, viewer: Any, tmp_path: Path, notices: list[str]
) -> None:
    dock.open([coordinates(tmp_path / "somewhere.star")])
    assert len([layer for layer in viewer.layers if is_picks(layer)]) == 1
    (tmp_path / "two.txt").write_text("image_name\tx_coord\ty_coord\na\t1\t2\nb\t1\t2\n")
    dock.open([tmp_path / "two.txt"])
    assert "K03" in notices[-1]
    assert len([layer for layer in viewer.layers if is_picks(layer)]) == 1


def test_the_diameter_in_the_form_is_that_of_the_circles(qtbot: Any, dock: Any) -> None:
    layer = pick(qtbot, dock)
    dock.form.fields["diameter"].value = 80.0
    assert {size for *_, size in circles(layer)} == {80.0}


def test_known_picks_are_what_found_ones_are_compared_with(qtbot: Any, dock: Any, tmp_path: Path) -> None:
    dock.open([coordinates(tmp_path / "m.star")])
    dock.known.layer = dock.picks.layer
    pick(qtbot, dock)
    assert "average precision 1.000" in dock.status.text()
