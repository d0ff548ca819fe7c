from __future__ import annotations

from typing import Any

import numpy as np

from cryoden.settings.reading import ReadingSettings
from napari_cryoden.layers.file_layer import of_file

IMAGES = np.random.default_rng(0).normal(50, 5, (3, 300, 320)).astype(np.float32)


def test_a_micrograph_is_a_layer_of_two_axes_and_a_stack_one_of_three(write_mrc: Any) -> None:
    (data, kwargs, kind), _ = of_file(write_mrc("m.mrc", IMAGES[0], pixel_size=1.5))
    assert (data.shape, kwargs["scale"], kind) == ((300, 320), (1.5, 1.5), "image")
    (data, kwargs, kind), _ = of_file(write_mrc("s.mrcs", IMAGES, pixel_size=1.5))
    assert (data.shape, kwargs["scale"], kind) == ((3, 300, 320), (1, 1.5, 1.5), "image")
    assert kwargs["units"] == ("pixel", "angstrom", "angstrom")
    assert kwargs["metadata"]["cryoden"]["role"] == "raw"


def test_what_the_user_or_a_list_says_of_pixels_counts(write_mrc: Any) -> None:
    path = write_mrc("s.mrcs", IMAGES, pixel_size=None)
    assert of_file(path, listed=2.5)[0][1]["scale"] == (1, 2.5, 2.5)
    assert of_file(path, ReadingSettings(3.0), 2.5)[0][1]["scale"] == (1, 3.0, 3.0)
    (_, kwargs, _), warnings = of_file(path)
    assert "scale" not in kwargs
    assert [one.code for one in warnings] == ["F28"]
