from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.layers import Layer

from cryoden.errors import HalvesError
from cryoden.micrograph import Micrograph
from napari_cryoden.layers.half_sum import halves_of, open_sum, pair_with, sum_of, sum_of_files
from napari_cryoden.layers.layer_data import facts_of, is_raw, raw_layer
from napari_cryoden.layers.plane import full_size


def test_the_sum_of_two_layers_is_a_raw_layer_that_lies_on_the_even_one(viewer: Any, add_halves: Any) -> None:
    even, odd, *_ = add_halves()
    even.translate = (30.0, 0.0)
    pair = pair_with(odd, viewer.layers)
    assert pair is not None
    assert (pair.even, pair.odd) == (even, odd)
    assert open_sum(pair, viewer.layers) is None
    layer = viewer.add_layer(Layer.create(*sum_of(pair)))
    assert (layer.name, is_raw(layer)) == ("m1 · sum", True)
    np.testing.assert_allclose(layer.data, even.data + odd.data)
    assert [tuple(one.translate) for one in (layer, even)] == [(30.0, 0.0)] * 2
    assert layer.units == even.units
    assert open_sum(pair, viewer.layers) is layer
    assert pair_with(layer, viewer.layers) is None, "the sum is no half"
    assert halves_of(layer) == (), "halves that are no files"


def test_no_sum_is_offered_of_a_half_alone_or_of_stacks(viewer: Any, noise: Any) -> None:
    lone = viewer.add_image(noise, name="a_EVN")
    assert pair_with(lone, viewer.layers) is None
    stacks = [viewer.add_image(np.stack([noise, noise]), name=f"b_{half}") for half in ("EVN", "ODD")]
    assert pair_with(stacks[0], viewer.layers) is None


def test_halves_of_two_sizes_are_refused_in_words(viewer: Any, noise: Any) -> None:
    even = viewer.add_image(noise, name="a_EVN")
    viewer.add_image(noise[:-2], name="a_ODD")
    pair = pair_with(even, viewer.layers)
    assert pair is not None
    with pytest.raises(HalvesError, match=r"D05 .*halves differ in size"):
        sum_of(pair)


def test_the_sum_of_two_files_knows_them(viewer: Any, write_pair: Any, tmp_path: Path) -> None:
    write_pair("m1", 1)
    even, odd = tmp_path / "m1_EVN.mrc", tmp_path / "m1_ODD.mrc"
    layer = viewer.add_layer(Layer.create(*sum_of_files(even, odd)))
    assert layer.name == "m1 · sum"
    assert facts_of(layer)["source"] is None
    assert halves_of(layer) == (even, odd)
    odd.unlink()
    assert halves_of(layer) == ()


def test_the_sum_of_large_halves_is_drawn_as_they_are(noise: Any) -> None:
    large = np.tile(noise, (8, 8))
    both = ("m_EVN", large), ("m_ODD", large + 1)
    even, odd = (Layer.create(*raw_layer(Micrograph(pixels, 1.5, name))) for name, pixels in both)
    pair = pair_with(even, [even, odd])
    assert pair is not None
    made = Layer.create(*sum_of(pair))
    assert made.multiscale
    assert [level.shape for level in made.data] == [level.shape for level in even.data]
    np.testing.assert_allclose(full_size(made), 2 * large + 1, rtol=1e-5)
