from __future__ import annotations

from typing import Any

import numpy as np
import pytest

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
