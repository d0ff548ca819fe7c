"""What is drawn of an image, and that all who ask a layer for its pixels get those of the image itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from napari.layers import Image

from cryoden.image.block_mean import block_mean, pyramid
from cryoden.micrograph import Micrograph
from napari_cryoden.contributions.writer import write
from napari_cryoden.layers.contrast import contrast, robust
from napari_cryoden.layers.layer_data import raw_layer, result_layer, to_micrograph, view_of
from napari_cryoden.layers.picture import OVERVIEW, Picture, picture_of
from napari_cryoden.layers.plane import full_size

LARGE = np.random.default_rng(0).normal(50, 7, (1100, 1300)).astype(np.float32)


@pytest.fixture
def layer() -> Any:
    data, attributes, _ = raw_layer(Micrograph(LARGE, 1.5, "large"))
    return Image(data, **attributes)


def test_a_large_image_is_drawn_as_block_means_and_a_small_one_as_it_is(layer: Any, noise: Any) -> None:
    assert layer.multiscale
    np.testing.assert_allclose(layer.data[3], block_mean(LARGE, 4), rtol=1e-5)
    assert picture_of(noise).data() is noise


def test_whoever_makes_an_array_of_a_layer_gets_the_image_itself(layer: Any) -> None:
    np.testing.assert_array_equal(np.asarray(layer.data), LARGE)
    assert full_size(layer) is LARGE
    assert layer.data.shape == LARGE.shape
    np.testing.assert_array_equal(to_micrograph(layer).data, LARGE)


def test_a_saved_layer_has_all_of_its_pixels(layer: Any, tmp_path: Path) -> None:
    data, attributes, _ = layer.as_layer_data_tuple()
    write(str(tmp_path / "saved.mrc"), data, attributes)
    with mrcfile.open(tmp_path / "saved.mrc") as file:
        np.testing.assert_array_equal(file.data, LARGE)


def test_its_contrast_is_that_of_what_is_drawn_and_its_noise_that_of_single_pixels(layer: Any) -> None:
    picture = picture_of(LARGE)
    assert max(picture.overview.shape) <= OVERVIEW
    assert picture.limits == robust(block_mean(LARGE, 2).astype(np.float32)) == tuple(layer.contrast_limits)
    assert picture.noise == contrast(LARGE)
    assert Picture.of_few(LARGE).limits == robust(LARGE)


def test_levels_that_are_there_are_not_made_again() -> None:
    levels = pyramid(LARGE)
    assert picture_of(LARGE, levels).levels is levels


def test_napari_draws_the_mean_of_many_pixels_and_not_one_of_them(viewer: Any) -> None:
    """Neither does it look at all pixels to find how they are shown."""
    data, attributes, _ = raw_layer(Micrograph(LARGE, 1.5, "large"))
    raw = viewer.add_image(data, **attributes)
    viewer.window._qt_viewer.canvas.on_draw(None)
    drawn = raw._slice.image.raw
    assert raw.data_level > 0
    assert drawn.std() < 0.7 * LARGE.std()
    made, attributes, _ = result_layer(raw, Micrograph(LARGE * np.float32(0.5), 1.5, "m"), {}, view_of(raw))
    result = viewer.add_image(made, **attributes)
    np.testing.assert_allclose(result.extent.world, raw.extent.world)
    np.testing.assert_array_equal(to_micrograph(result).data, LARGE / 2)
