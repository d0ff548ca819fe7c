from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cryoden.micrograph import Micrograph
from napari_cryoden.layers.in_view import drawn
from napari_cryoden.layers.layer_data import raw_layer

PLACES = np.add.outer(np.arange(1024) * 1000.0, np.arange(1024)).astype(np.float32)


def test_it_is_what_napari_draws_of_a_layer_whole_and_close_up(viewer: Any) -> None:
    data, attributes, _ = raw_layer(Micrograph(PLACES, 2.0, "m"))
    layer = viewer.add_image(data, **attributes)
    viewer.canvas.size = 200, 300
    viewer.fit_to_view()
    whole = drawn(viewer, layer)
    assert whole.shape == drawn(viewer, layer, whole=True).shape == (256, 256)  # of 4 × 4 px
    viewer.scene.camera.center, viewer.scene.camera.zoom = (600.0, 800.0), 2.0  # 4 px of the screen a px
    close = drawn(viewer, layer)
    assert close.shape == pytest.approx((50, 75), abs=1)
    assert np.median(close) == pytest.approx(300_400, rel=0.01)
    assert drawn(viewer, layer, whole=True).shape == (256, 256)


def test_of_a_layer_out_of_sight_it_is_all(viewer: Any, noise: Any) -> None:
    layer = viewer.add_image(noise)
    viewer.scene.camera.center = 10_000.0, 10_000.0
    assert drawn(viewer, layer).shape == noise.shape


def test_of_a_stack_it_is_the_section_in_view(viewer: Any, noise: Any) -> None:
    layer = viewer.add_image(np.stack([noise, noise + 100]))
    viewer.dims.set_current_step(0, 1)
    assert np.median(drawn(viewer, layer, whole=True)) > 100
