from __future__ import annotations

from typing import Any

import numpy as np

from napari_cryoden.layers.side_by_side import SideBySide


def test_swiping_draws_the_raw_layer_left_of_the_line_and_the_denoised_right(viewer: Any) -> None:
    dark, bright = (
        viewer.add_image(np.full((200, 300), value), contrast_limits=(0, 1)) for value in (0.4, 1.0)
    )
    comparison = SideBySide(viewer)
    comparison.show(dark, bright, mode="swipe")
    dark.contrast_limits = bright.contrast_limits = (0, 1)
    for share in (0.3, 0.6):
        comparison.swipe(share)
        row = viewer.screenshot(canvas_only=True, flash=False)[..., 0]
        row = row[row.shape[0] // 2]
        line = round(share * len(row))
        assert set(row[line - 20 : line - 2]) == {102}
        assert set(row[line + 2 : line + 20]) == {255}
    comparison.leave()
    row = viewer.screenshot(canvas_only=True, flash=False)[..., 0]
    assert set(row[row.shape[0] // 2][20:-20]) >= {255}
    assert 102 not in row[row.shape[0] // 2]
