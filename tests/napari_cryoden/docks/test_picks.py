"""The Picks dock on real layers in a real window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cryoden.micrograph import Micrograph
from cryoden.picking.picks import made
from cryoden.picking.star_output import particles
from cryoden.picking.star_picks import read_star
from napari_cryoden.layers.layer_data import raw_layer
from napari_cryoden.layers.picks_layer import is_picks
from tests.cryoden.picking.planted import PIXEL, discs, distances
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


@pytest.fixture
def of_two(viewer: Any, dock: Any, tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """Picks of two open micrographs, and of one that is not open, in one file; and their layers."""
    data, attributes, _ = raw_layer(Micrograph(discs(noise=1.0), PIXEL, "n"))
    viewer.add_image(data, **attributes)
    path = tmp_path / "particles.star"
    names = ("m.mrc", "n.mrc", "z.mrc")
    path.write_text(particles([made(PLACES, np.full(len(PLACES), np.nan), name, PIXEL) for name in names]))
    dock.open([path])
    layers = {layer.name[0]: layer for layer in viewer.layers if is_picks(layer)}
    assert sorted(layers) == ["m", "n"]
    return path, layers


def in_file(path: Path) -> dict[str, int]:
    return {one.micrograph[0]: len(one) for one in read_star(path)}


def test_two_layers_are_saved_into_their_file_as_often_as_one_likes(
    dock: Any, of_two: tuple[Path, dict[str, Any]]
) -> None:
    path, layers = of_two
    for name in ("m", "n"):
        layers[name].selected_data = {0, 1}
        layers[name].remove_selected()
        layers[name].add([[11.0, 12.0]])
        dock.picks.layer = layers[name]
        dock.save(path, replace_source=True)
    once = path.read_text()
    assert in_file(path) == {"m": 6, "n": 6, "z": 7}
    for name in ("m", "n", "n", "m"):
        dock.picks.layer = layers[name]
        dock.save(path, replace_source=True)
        assert "6 picks written" in dock.status.text()
        assert path.read_text() == once
    layers["m"].selected_data = {5}
    layers["m"].remove_selected()
    dock.save(path, replace_source=True)
    assert in_file(path) == {"m": 5, "n": 6, "z": 7}
    np.testing.assert_allclose(read_star(path)[0].centers, PLACES[2:])


def test_picks_that_were_hidden_while_saved_are_written_when_they_are_shown_again(
    dock: Any, of_two: tuple[Path, dict[str, Any]]
) -> None:
    path, layers = of_two
    dock.picks.layer = layer = layers["m"]
    layer.shown = np.arange(len(PLACES)) > 2
    dock.save(path, replace_source=True)
    assert in_file(path) == {"m": 4, "n": 7, "z": 7}
    layer.shown = True
    dock.save(path, replace_source=True)
    assert in_file(path) == {"m": 7, "n": 7, "z": 7}


def test_a_file_that_has_changed_is_not_written_and_the_dock_says_why(
    dock: Any, of_two: tuple[Path, dict[str, Any]]
) -> None:
    path, layers = of_two
    dock.picks.layer = layers["n"]
    changed = "".join(line for line in path.read_text().splitlines(True) if not line.startswith("m.mrc"))
    path.write_text(changed)
    dock.save(path, replace_source=True)
    assert "K10" in dock.status.text()
    path.write_text(changed + "n.mrc 1\n")
    dock.save(path, replace_source=True)
    assert "D01" in dock.status.text()
    assert path.read_text() == changed + "n.mrc 1\n"


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
