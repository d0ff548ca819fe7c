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


@pytest.mark.filterwarnings("ignore:Data array contains NaN")
@pytest.mark.parametrize("blank", [0, 1, 2, 3])
def test_limits_are_finite_whatever_is_drawn(viewer: Any, noise: Any, blank: int) -> None:
    layers = [viewer.add_image(noise * factor, contrast_limits=(0, 1)) for factor in (1.0, 0.5, 0.6, 0.7)]
    layers[2].metadata, layers[3].metadata = ({"cryoden": {"role": one}} for one in ("low-pass", "residual"))
    layers[blank].data = np.full_like(noise, np.nan)
    match(viewer, layers, "each")
    assert np.isfinite([layer.contrast_limits for layer in layers]).all()
    assert layers[blank].contrast_limits == [0, 1]


@pytest.mark.filterwarnings("ignore:Data array contains NaN")
def test_pixels_that_are_no_numbers_do_not_count(viewer: Any, noise: Any) -> None:
    layers = [viewer.add_image(noise * factor) for factor in (1.0, 0.5)]
    match(viewer, layers, "each")
    before = [tuple(layer.contrast_limits) for layer in layers]
    holed = noise.copy()
    holed[0, :2] = np.nan
    layers[0].data = holed
    match(viewer, layers, "each")
    assert [tuple(layer.contrast_limits) for layer in layers] == [
        pytest.approx(one, rel=0.01) for one in before
    ]
