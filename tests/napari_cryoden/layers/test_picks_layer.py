from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_cryoden.layers.layer_data import raw_layer
from napari_cryoden.layers.picks_layer import (
    add_picks,
    image_under,
    is_picks,
    micrograph_name,
    picks_of,
    picks_on,
    set_diameter,
    show_above,
)
from tests.napari_cryoden.picked import DIAMETER, PICKS, PIXEL, PLACES, circles, raw_and_denoised


@pytest.fixture
def layers(viewer: Any) -> tuple[Any, Any, Any]:
    raw, denoised = raw_and_denoised(viewer)
    return raw, denoised, add_picks(viewer, raw, PICKS, DIAMETER)


def test_picks_are_circles_of_the_diameter_in_angstrom_where_the_particles_are(
    layers: tuple[Any, Any, Any],
) -> None:
    raw, _, picks = layers
    found = circles(picks)
    np.testing.assert_allclose(found, [(y * PIXEL, x * PIXEL, DIAMETER) for y, x in PLACES])
    assert [str(unit) for unit in picks.units] == [str(unit) for unit in raw.units]
    dark = [raw.data[tuple(np.rint(place).astype(int))] for place in raw.world_to_data(found[0][:2])[None]]
    assert dark[0] < raw.data.mean()


def test_colors_follow_the_figure_of_merit_where_all_have_one(viewer: Any, layers: Any) -> None:
    raw, _, picks = layers
    assert len(np.unique(picks.border_color, axis=0)) > 3
    merits = PICKS.merits.copy()
    merits[2] = np.nan
    other = add_picks(viewer, raw, replace(PICKS, merits=merits), DIAMETER)
    assert len(np.unique(other.border_color, axis=0)) == 1


def test_a_stack_has_them_on_the_section_that_is_in_view(viewer: Any) -> None:
    stack = viewer.add_image(np.random.default_rng(0).normal(size=(3, 400, 420)), name="stack")
    viewer.dims.set_point(0, 2)
    picks = add_picks(viewer, stack, PICKS, DIAMETER)
    assert picks.data.shape == (len(PLACES), 3)
    assert {picks.data_to_world(place)[0] for place in picks.data} == {2.0}
    np.testing.assert_allclose(picks_of(picks, stack).centers, PLACES)


def test_edits_are_known_from_what_the_file_has(layers: tuple[Any, Any, Any]) -> None:
    raw, _, picks = layers
    picks.selected_data = {1}
    picks.remove_selected()
    picks.data = picks.data + np.where(np.arange(len(picks.data))[:, None] == 0, [3.0, 0.0], 0.0)
    picks.add([[11.0, 12.0]])
    now = picks_of(picks, raw)
    assert now.rows.tolist() == [0, 2, 3, 4, 5, 6, -1]
    np.testing.assert_allclose(now.centers[0], PLACES[0] + [3, 0])
    np.testing.assert_allclose(now.centers[-1], [11, 12])
    assert np.isnan(now.merits[-1])
    assert float(np.broadcast_to(picks.size, len(picks.data))[-1]) * PIXEL == DIAMETER


def test_pasted_points_are_no_rows_of_the_file(layers: tuple[Any, Any, Any]) -> None:
    raw, _, picks = layers
    picks.selected_data = {0}
    picks._copy_data()
    picks._paste_data()
    assert picks_of(picks, raw).rows.tolist() == [*range(len(PLACES)), -1]


def test_faint_picks_are_hidden_and_left_out(viewer: Any, layers: tuple[Any, Any, Any]) -> None:
    raw, _, picks = layers
    show_above(viewer.layers, picks, 3.5)
    assert len(picks_of(picks, raw)) == 4
    assert len(picks_of(picks, raw, shown=False)) == len(PLACES)
    show_above(viewer.layers, picks, -np.inf)
    assert len(picks_of(picks, raw)) == len(PLACES)


def test_another_diameter_is_drawn_and_used_for_what_is_added(viewer: Any, layers: Any) -> None:
    raw, _, picks = layers
    set_diameter(viewer.layers, picks, 100.0, raw)
    assert {size for *_, size in circles(picks)} == {100.0}
    picks.add([[11.0, 12.0]])
    assert circles(picks)[-1][2] == 100.0


def test_picks_belong_to_the_micrograph_and_to_what_was_made_of_it(viewer: Any, layers: Any) -> None:
    raw, denoised, picks = layers
    other = viewer.add_image(np.zeros((20, 20)), name="other")
    assert is_picks(picks)
    assert not is_picks(raw)
    assert picks_on(viewer.layers, raw) == picks_on(viewer.layers, denoised) == [picks]
    assert picks_on(viewer.layers, other) == []
    assert image_under(list(viewer.layers), picks) is raw


def test_points_of_other_origin_are_picks_of_the_image_one_says(viewer: Any, layers: Any) -> None:
    raw = layers[0]
    points = viewer.add_points([[5.0, 6.0]], name="mine", scale=raw.scale, units=raw.units)
    found = picks_of(points, raw)
    assert (found.micrograph, found.pixel_size, found.rows.tolist()) == ("m", PIXEL, [-1])


def test_a_micrograph_below_the_current_folder_is_named_from_there(
    viewer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data, attributes, _ = raw_layer(replace_path(tmp_path / "Motion" / "m.mrc"))
    layer = viewer.add_image(data, **attributes)
    assert micrograph_name(layer, viewer.layers) == "Motion/m.mrc"
    monkeypatch.chdir("/")
    assert micrograph_name(layer, viewer.layers).endswith("Motion/m.mrc")


def replace_path(path: Path) -> Any:
    from cryoden.micrograph import Micrograph  # noqa: PLC0415

    return Micrograph(np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32), 1.0, "m", path)
