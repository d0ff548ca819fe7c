from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_cryoden.layers.matching import match


def test_contrast_of_what_is_in_view_is_blind_to_what_is_not(viewer: Any, noise: Any) -> None:
    dark = noise.copy()
    dark[:, :100] -= 1000
    layers = [viewer.add_image(dark * factor, name=f"m{factor}") for factor in (1.0, 0.5)]
    viewer.scene.camera.center, viewer.scene.camera.zoom = (48.0, 115.0), 40.0
    match(viewer, layers, "each", in_view=True)
    lows = [layer.contrast_limits[0] for layer in layers]
    assert lows == pytest.approx([-1, -0.5], abs=1)
    match(viewer, layers, "each")
    assert layers[0].contrast_limits[0] < -900


def test_a_residual_stays_about_zero_and_a_confidence_as_it_is(viewer: Any, noise: Any) -> None:
    raw, denoised = (viewer.add_image(noise * factor) for factor in (1.0, 0.5))
    residual, sure = (
        viewer.add_image(noise - 3, metadata={"cryoden": {"role": role}}, contrast_limits=(0.5, 1.0))
        for role in ("residual", "confidence")
    )
    match(viewer, [raw, denoised, residual, sure], "matched")
    low, high = residual.contrast_limits
    assert (low, sure.contrast_limits) == (-high, [0.5, 1.0])
    assert np.ptp(raw.contrast_limits) == pytest.approx(np.ptp(denoised.contrast_limits))
