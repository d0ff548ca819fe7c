"""Filtered copies that raw and denoised are shown with, as the docks make them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cryoden.image.filters import high_passed, low_passed
from napari_cryoden.jobs.companions import Band, filtered_from, remove_outdated
from napari_cryoden.layers.layer_data import facts_of, is_raw, raw_of
from tests.napari_cryoden.deriving import finished


def names(dock: Any) -> list[str]:
    """What stands in the cells, in their order."""
    return [layer.name for layer in dock.viewer.layers if layer.visible]


@pytest.mark.parametrize(("size", "usual"), [(0.85, 20.0), (5.0, 20.0), (8.0, 32.0), (None, 20.0)])
def test_a_low_pass_is_of_twenty_angstroms_or_of_four_pixels(size: float | None, usual: float) -> None:
    assert Band().of(size) == Band(usual)
    assert Band(12.5).of(size) == Band(12.5)


def test_a_band_filters_as_it_says(noise: Any) -> None:
    low = low_passed(noise, 2.0, 20.0)
    for band, words, filtered in (
        (Band(20.0), "low-pass 20 Å", low),
        (Band(0.0, 100.0), "high-pass 100 Å", high_passed(noise, 2.0, 100.0)),
        (Band(20.0, 100.0), "band-pass 100 to 20 Å", high_passed(low, 2.0, 100.0)),
    ):
        assert band.words == words
        np.testing.assert_array_equal(band.apply(noise, 2.0), filtered)


def test_a_low_pass_stands_between_raw_and_denoised_and_another_takes_its_place(
    qtbot: Any, dock: Any, halves: list[Any]
) -> None:
    raw, other = halves[:2]
    dock.raw.layer, dock.denoised.layer = raw, other
    dock.modes["grid"].click()
    finished(dock, qtbot)
    assert names(dock) == [raw.name, f"{raw.name} · low-pass 20 Å", other.name]
    dock.filters.finest.setValue(50.0)
    finished(dock, qtbot)
    assert names(dock) == [raw.name, f"{raw.name} · low-pass 50 Å", other.name]
    assert len(dock.viewer.layers) == 5
    dock.filters.low_pass.setChecked(False)
    assert names(dock) == [raw.name, other.name]


def test_a_high_pass_is_of_all_says_so_and_leaves_the_layers_themselves(
    qtbot: Any, dock: Any, halves: list[Any]
) -> None:
    raw, other = halves[:2]
    before = raw.data.copy()
    dock.raw.layer, dock.denoised.layer = raw, other
    dock.filters.high_pass.setChecked(True)
    dock.modes["grid"].click()
    finished(dock, qtbot)
    high, low = "high-pass 1000 Å", "band-pass 1000 to 20 Å"
    assert names(dock) == [f"{raw.name} · {high}", f"{raw.name} · {low}", f"{other.name} · {high}"]
    shown = [layer for layer in dock.viewer.layers if layer.visible]
    assert not any(map(is_raw, shown)), "none is taken for a micrograph to denoise or to evaluate"
    assert [raw_of(layer, dock.viewer.layers) for layer in shown] == [raw] * 3
    assert facts_of(shown[0])["filtered"] == raw.unique_id
    np.testing.assert_array_equal(raw.data, before)
    dock.residual_button.click()
    finished(dock, qtbot)
    assert names(dock)[-1] == f"{raw.name} · residual"
    np.testing.assert_allclose(dock.viewer.layers[names(dock)[-1]].data, raw.data - other.data)
    dock.end_button.click()
    assert set(names(dock)) == {layer.name for layer in halves}


def test_a_copy_is_of_the_pixels_it_was_made_of(qtbot: Any, dock: Any, halves: list[Any]) -> None:
    raw, other, another = halves[:3]
    dock.raw.layer, dock.denoised.layer = raw, other
    dock.modes["grid"].click()
    finished(dock, qtbot)
    before = raw.data
    (copy,) = filtered_from(dock.viewer, [raw])
    raw.data = another.data.copy()
    assert dock.deriving.copies(raw, other).shown() == [raw, other]
    raw.data = before
    assert dock.deriving.copies(raw, other).shown() == [raw, other, copy]
    remove_outdated(dock.viewer, [raw])
    assert copy in dock.viewer.layers
    raw.data = another.data.copy()
    remove_outdated(dock.viewer, [raw])
    assert copy not in dock.viewer.layers
    with qtbot.waitSignal(dock.deriving.ended):
        dock.modes["grid"].click()
    (copy,) = filtered_from(dock.viewer, [raw])
    np.testing.assert_allclose(copy.data, low_passed(raw.data, float(raw.scale[0]), 20.0), atol=1e-3)
