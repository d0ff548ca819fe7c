from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_cryoden.layers.contrast import contrast, result_contrast
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
    assert result_contrast(found * noise, contrast(noise), 1.5) == contrast(found * noise)


def test_almost_nothing_is_shown_as_almost_nothing(noise: Any) -> None:
    output = (0.003 * noise).astype(np.float32)
    output[:2, :20] -= 0.1 * noise.std()  # an edge as networks make it of noise
    low, high = result_contrast(output, contrast(noise), 1.0)
    shown = (output - low) / (high - low)
    assert 0.3 < shown.min() < shown.max() < 0.7
