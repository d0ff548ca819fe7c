from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_cryoden.layers.contrast import contrast, matched, result_limits, robust
from napari_cryoden.layers.side_by_side import SideBySide


def test_contrast_comes_back_with_the_view(viewer: Any, three: Any) -> None:
    before = [layer.contrast_limits for layer in three]
    comparison = SideBySide(viewer)
    comparison.show(three[0], three[2])
    comparison.match("matched")
    assert [layer.contrast_limits for layer in three] != before
    comparison.leave()
    assert [layer.contrast_limits for layer in three] == before


def test_matched_contrast_gives_equal_steps_of_gray_to_both(viewer: Any, three: Any) -> None:
    raw, _, denoised = three
    denoised.data = 0.1 * raw.data
    comparison = SideBySide(viewer)
    comparison.show(raw, denoised)
    widths = {}
    for how in ("each", "same", "matched"):
        comparison.match(how)
        widths[how] = [np.ptp(layer.contrast_limits) for layer in (raw, denoised)]
    assert widths["each"][0] == pytest.approx(10 * widths["each"][1], rel=1e-3)
    assert widths["same"] == pytest.approx([widths["each"][0]] * 2)
    assert widths["matched"] == pytest.approx([widths["each"][1]] * 2, rel=1e-3)


def test_a_constant_image_still_gets_limits_napari_accepts() -> None:
    low, high = contrast(np.full((8, 8), 3, np.float32))
    assert low < high


@pytest.mark.parametrize("found", [0.03, 0.2])
def test_a_weak_output_fills_the_scale(noise: Any, found: float) -> None:
    output = found * noise
    assert result_limits(robust(output), contrast(output), contrast(noise), 1.5) == robust(output)


def test_almost_nothing_is_shown_as_almost_nothing(noise: Any) -> None:
    output = (0.003 * noise).astype(np.float32)
    output[:2, :20] -= 0.1 * noise.std()  # an edge as networks make it of noise
    low, high = result_limits(robust(output), contrast(output), contrast(noise), 1.0)
    shown = (output - low) / (high - low)
    assert 0.3 < shown.min() < shown.max() < 0.7


def test_an_ice_crystal_leaves_all_else_its_contrast(noise: Any) -> None:
    crystal = noise.copy()
    crystal[:30, :40] -= 100 * noise.std()
    (low, high), (lower, higher) = robust(noise), robust(crystal)
    assert 0.99 < np.mean((noise > low) & (noise < high)) < 0.9999  # three standard deviations
    assert higher == pytest.approx(high, rel=0.1)
    assert high - low <= higher - lower < 1.3 * (high - low)
    assert np.ptp(contrast(crystal)) > 5 * (higher - lower)


@pytest.mark.parametrize("corner", [0.0, np.nan])
def test_particles_all_over_clear_ice_keep_their_grays(corner: float) -> None:
    draw = np.random.default_rng(0)
    image = draw.normal(size=(256, 256)).astype(np.float32)
    for top, left in draw.integers(0, 240, (60, 2)):
        image[top : top + 16, left : left + 16] -= 20
    image[0, 0] = corner  # a pixel that is no number leaves no parts of equal size
    low, high = robust(image)
    assert low < -20
    assert high < 4


def test_particles_keep_their_grays_in_a_small_region_of_which_they_are_a_quarter() -> None:
    """As in a live preview: a part as small as a part of a particle would most often show none."""
    region = np.random.default_rng(0).normal(size=(320, 320)).astype(np.float32)
    for top, left in ((10, 20), (60, 200), (190, 40), (220, 220)):
        region[top : top + 80, left : left + 80] -= 20
    assert robust(region)[0] < -20


def test_few_counts_most_of_them_alike_have_limits_all_the_same() -> None:
    counts = np.random.default_rng(0).poisson(0.2, (64, 64)).astype(np.float32)
    assert robust(counts) == contrast(counts)


@pytest.mark.parametrize(
    ("low_pass", "widths"),
    [((12.0, 26.0), (14, 14)), ((15.0, 16.0), (10, 10)), ((0.0, 80.0), (10, 80))],
    ids=["noisier", "flatter", "noise alone"],
)
def test_low_pass_and_denoised_share_a_width_unless_one_of_them_would_show_nothing(
    low_pass: Any, widths: Any
) -> None:
    raw, denoised = (0.0, 90.0), (10.0, 20.0)
    limits = matched("each", raw, denoised, [low_pass])
    assert limits[0] == raw
    assert [np.ptp(one) for one in limits[1:]] == pytest.approx(widths)
    assert [np.mean(one) for one in limits] == pytest.approx([45, 15, np.mean(low_pass)])
