from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cryoden.browsing.kept_pictures import Shown
from cryoden.image.block_mean import block_mean
from cryoden.micrograph import Micrograph
from napari_cryoden.browsing.shown_exposure import ShownExposure
from napari_cryoden.jobs.companions import Band, Companions, made
from napari_cryoden.layers.contrast import ALMOST_NOTHING, contrast
from napari_cryoden.layers.layer_data import facts_of
from napari_cryoden.layers.picture import picture_of
from napari_cryoden.layers.plane import plane_of
from napari_cryoden.layers.side_by_side import SideBySide
from tests.cryoden.scenes import scene

KNOWN = [scene(number, (192, 256)) for number in range(3)]
RAW = [Shown(replace(one.even, path=Path(f"/data/{one.even.name}.mrc"))) for one in KNOWN]
DENOISED = [Shown(Micrograph(one.clean, 1.5, one.even.name)) for one in KNOWN]
PREVIEW = Shown(Micrograph(block_mean(KNOWN[0].clean, 8).astype(np.float32), 12.0, "m0"), 8)
MADE = {"role": "denoised", "model": "model.safetensors"}


@pytest.fixture
def shown(viewer: Any) -> ShownExposure:
    return ShownExposure(viewer, SideBySide(viewer))


def test_two_layers_are_added_and_then_only_their_data_change(viewer: Any, shown: ShownExposure) -> None:
    for number in range(3):
        shown.show(f"m{number}", RAW[number])
        shown.show_denoised(DENOISED[number], MADE)
        assert list(viewer.layers) == [shown.raw, shown.denoised]
        assert np.array_equal(shown.raw.data, RAW[number].micrograph.data)
        assert shown.raw.name == RAW[number].micrograph.name
        assert facts_of(shown.denoised)["source"] == str(RAW[number].micrograph.path)


def test_until_there_is_a_denoised_picture_its_place_is_empty(shown: ShownExposure) -> None:
    shown.show("m0", RAW[0])
    shown.show_denoised(DENOISED[0], MADE)
    shown.show("m1", RAW[1])
    assert shown.stage == "waiting"
    assert np.ptp(shown.denoised.data) == 0
    assert np.allclose(shown.denoised.extent.world, shown.raw.extent.world, atol=100)


def test_a_preview_lies_exactly_where_the_whole_one_will(shown: ShownExposure) -> None:
    shown.show("m0", RAW[0])
    shown.show_denoised(PREVIEW, MADE)
    before = shown.denoised._extent_augmented.world if hasattr(shown.denoised, "_extent_augmented") else None
    assert shown.stage == "preview"
    first = np.array(shown.denoised.translate) - np.array(shown.denoised.scale) / 2
    assert np.allclose(first, -0.75)  # the corner of the first px, as that of the raw one
    assert np.allclose(shown.denoised.scale, 12.0)
    shown.show_denoised(DENOISED[0], MADE)
    assert np.allclose(shown.denoised.scale, 1.5)
    assert np.allclose(shown.denoised.translate, 0)
    assert before is None or before.shape == (2, 2)


def test_contrast_that_was_set_stays_for_the_next(shown: ShownExposure) -> None:
    shown.show("m0", RAW[0])
    shown.raw.contrast_limits = (95.0, 105.0)
    other = RAW[1].micrograph
    shown.show("m1", Shown(replace(other, data=other.data * 2 + 50)))
    middle = float(np.median(shown.raw.data))
    low, high = shown.raw.contrast_limits
    assert (low + high) / 2 == pytest.approx(middle, abs=3)
    assert high - low == pytest.approx(20, rel=0.1)


def test_layers_that_were_deleted_come_back(viewer: Any, shown: ShownExposure) -> None:
    shown.show("m0", RAW[0])
    viewer.layers.clear()
    shown.show("m1", RAW[1])
    assert list(viewer.layers) == [shown.raw, shown.denoised]


def test_what_was_made_of_an_exposure_does_not_stand_beside_the_next(
    viewer: Any, shown: ShownExposure
) -> None:
    shown.show("m0", RAW[0])
    shown.show_denoised(DENOISED[0], MADE)
    band = Band().of(1.5)
    copies = Companions(viewer, shown.raw, shown.denoised, plane_of(shown.raw), band)
    for copy in made([RAW[0].micrograph, DENOISED[0].micrograph], band):
        copies.add(copy)
    result = viewer.add_image(DENOISED[0].micrograph.data, name="result", scale=(1.5, 1.5))
    comparison = shown._comparison
    comparison.show(*copies.shown(), result, mode="blink")
    shown.show("m1", RAW[1])
    assert comparison.layers == [shown.raw, shown.denoised]
    assert comparison.mode == "blink"
    assert set(viewer.layers) == {shown.raw, shown.denoised, result}  # the result was asked for, copies go
    assert not result.visible


def test_who_has_left_the_comparison_pages_on_without_it(shown: ShownExposure) -> None:
    shown.show("m0", RAW[0])
    shown._comparison.leave()
    shown.show("m1", RAW[1])
    assert not shown._comparison.active


def test_an_exposure_with_almost_nothing_in_it_does_not_fade_those_after_it(shown: ShownExposure) -> None:
    found = DENOISED[1].micrograph
    faint = replace(found, data=found.data * np.float32(1e-5))
    shown.show("m0", RAW[0])
    shown.show_denoised(Shown(faint), MADE)
    low, high = shown.denoised.contrast_limits
    assert high - low > 100 * np.ptp(faint.data)
    shown.show("m1", RAW[1])
    shown.show_denoised(DENOISED[1], MADE)
    assert tuple(shown.denoised.contrast_limits) == pytest.approx(picture_of(found.data).limits)


def test_a_preview_of_a_weak_result_fills_the_scale_as_the_whole_will(shown: ShownExposure) -> None:
    noise = np.ptp(contrast(RAW[0].micrograph.data))
    for result in (PREVIEW, DENOISED[0]):
        pixels = result.micrograph.data
        weak = pixels * np.float32(0.7 * ALMOST_NOTHING * noise / np.ptp(contrast(pixels)))  # Å/px: 1.5 of 3
        shown.show("m0", RAW[0])
        shown.show_denoised(
            replace(result, micrograph=replace(result.micrograph, data=weak), levels=()), MADE
        )
        low, high = shown.denoised.contrast_limits
        assert np.ptp(weak) / 3 < high - low < 2 * np.ptp(weak)


def page(shown: ShownExposure, number: int) -> None:
    shown.show(f"m{number}", RAW[number])
    shown.show_denoised(DENOISED[number], MADE)


def own_limits(number: int) -> list[Any]:
    return [pytest.approx(picture_of(one[number].micrograph.data).limits) for one in (RAW, DENOISED)]


def limits(shown: ShownExposure) -> list[tuple[float, ...]]:
    return [tuple(layer.contrast_limits) for layer in (shown.raw, shown.denoised)]


def test_the_contrast_of_an_exposure_stays_when_the_comparison_ends_that_began_with_another(
    shown: ShownExposure,
) -> None:
    page(shown, 0)
    page(shown, 1)
    shown._comparison.leave()
    assert limits(shown) == own_limits(1)
    page(shown, 2)
    assert limits(shown) == own_limits(2)


@pytest.mark.parametrize("is_left", [False, True])
def test_the_contrast_of_a_comparison_is_not_taken_for_the_users(shown: ShownExposure, is_left: bool) -> None:
    page(shown, 0)
    shown._comparison.match("matched")
    assert limits(shown) != own_limits(0)
    if is_left:
        shown._comparison.leave()
        assert limits(shown) == own_limits(0)
    page(shown, 1)
    assert limits(shown) == own_limits(1)


def high_passed(viewer: Any, shown: ShownExposure, number: int) -> list[Any]:
    """Compare an exposure as copies with a band-pass, none of which is a layer of the exposure itself."""
    band = Band(high_pass=100.0).of(1.5)
    copies = Companions(viewer, shown.raw, shown.denoised, plane_of(shown.raw), band)
    for copy in made([RAW[number].micrograph, DENOISED[number].micrograph], band):
        copies.add(copy)
    shown._comparison.show(*copies.shown())
    assert not {shown.raw, shown.denoised} & set(shown._comparison.layers)
    return copies.shown()


def test_paging_on_with_a_high_pass_compares_the_next_exposure(
    qtbot: Any, viewer: Any, shown: ShownExposure
) -> None:
    page(shown, 0)
    high_passed(viewer, shown, 0)
    shown.show("m1", RAW[1])
    qtbot.waitUntil(lambda: not shown._comparison._after_removal.isActive())
    assert shown._comparison.layers == [shown.raw, shown.denoised]
    assert shown._comparison.active
    assert set(viewer.layers) == {shown.raw, shown.denoised}


def test_the_whole_result_takes_the_place_of_the_copies_of_its_preview(
    qtbot: Any, viewer: Any, shown: ShownExposure
) -> None:
    shown.show("m0", RAW[0])
    shown.show_denoised(PREVIEW, MADE)
    high_passed(viewer, shown, 0)
    shown.show_denoised(DENOISED[0], MADE)
    qtbot.waitUntil(lambda: not shown._comparison._after_removal.isActive())
    assert shown._comparison.layers == [shown.raw, shown.denoised]
    assert shown._comparison.active
