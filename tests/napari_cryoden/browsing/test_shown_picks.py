from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from napari.layers import Points

from cryoden.picking.picks import Picks
from napari_cryoden.browsing.shown_picks import ShownPicks
from tests.napari_cryoden.picked import PICKS, raw_and_denoised


def test_the_picks_of_the_next_take_the_place_of_the_last_in_one_layer(viewer: Any) -> None:
    raw, _ = raw_and_denoised(viewer)
    shown = ShownPicks(viewer)
    assert shown.show(raw, PICKS)
    for picks in (PICKS.chosen(np.arange(1)), None, PICKS):
        assert not shown.show(raw, picks)
        assert [layer for layer in viewer.layers if isinstance(layer, Points)] == [shown.layer]
        wanted = np.zeros((0, 2)) if picks is None else picks.centers
        np.testing.assert_array_equal(shown.layer.data, wanted)


def test_where_there_are_none_no_layer_is_added(viewer: Any) -> None:
    raw, _ = raw_and_denoised(viewer)
    assert not ShownPicks(viewer).show(raw, None)
    assert not any(isinstance(layer, Points) for layer in viewer.layers)


def test_circles_are_as_wide_as_boxes_and_keys_stay_with_the_image(viewer: Any) -> None:
    raw, _ = raw_and_denoised(viewer)
    shown = ShownPicks(viewer)
    picks: Picks = replace(PICKS, diameter=17.0)
    shown.show(raw, picks)
    assert set(np.round(shown.layer.size, 3)) == {17.0}
    assert viewer.layers.selection.active is raw
    assert not shown.layer.editable
