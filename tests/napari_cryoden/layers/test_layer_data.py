from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.layers import Image

from cryoden.errors import MicrographError, Remark
from cryoden.micrograph import Micrograph
from napari_cryoden.layers import layer_data
from napari_cryoden.layers.contrast import robust
from napari_cryoden.layers.plane import pixel_size

EXTRA, CLIPPED = Remark("F04", "5 extra bytes"), Remark("F26", "3 pixels clipped")


def layer_of(data: Any, **attributes: Any) -> Any:
    return Image(data, **attributes)


def shown(micrograph: Any) -> Any:
    data, attributes, _ = layer_data.raw_layer(micrograph)
    return Image(data, **attributes)


@pytest.mark.parametrize("size", [0.667, 0.854, 1.0, None])
def test_a_micrograph_survives_being_a_layer(noise: Any, size: Any, tmp_path: Path) -> None:
    source = tmp_path / "m1.mrc"
    source.touch()
    back = layer_data.to_micrograph(shown(Micrograph(noise, size, "m1", source, (EXTRA,))))
    np.testing.assert_array_equal(back.data, noise)
    assert (back.pixel_size, back.name, back.path) == (size, "m1", source)
    assert back.warnings == (EXTRA,)


@pytest.mark.parametrize(("unit", "scale", "size"), [("nm", 0.1, 1.0), ("um", 1e-4, 1.0), ("pixel", 3, None)])
def test_the_pixel_size_follows_the_unit_of_the_layer(noise: Any, unit: Any, scale: Any, size: Any) -> None:
    layer = layer_of(noise, scale=(scale, scale), units=(unit, unit))
    assert pixel_size(layer) == (size if size is None else pytest.approx(size))


def test_pixels_that_are_not_square_are_refused_with_both_sizes(noise: Any) -> None:
    with pytest.raises(MicrographError, match=r"F28 .* 1 × 2 Å"):
        layer_data.to_micrograph(layer_of(noise, scale=(1, 2), units=("angstrom",) * 2))


@pytest.mark.parametrize(
    ("data", "shape"),
    [
        (np.zeros((40, 50, 3), np.uint8), "40×50×3, an RGB color image"),
        (np.zeros((1, 9, 1)), "1×9×1, expected rows and columns"),
    ],
)
def test_what_is_not_one_gray_image_is_refused_with_its_shape(data: Any, shape: Any) -> None:
    layer = layer_of(data, name="stack", contrast_limits=(0, 1))
    with pytest.raises(MicrographError, match=f"F32 .*'stack' is {shape}"):
        layer_data.to_micrograph(layer)


def test_later_edits_of_the_layer_do_not_reach_the_micrograph(noise: Any) -> None:
    layer = shown(Micrograph(noise, 1.0, "m1"))
    micrograph = layer_data.to_micrograph(layer)
    layer.data[0, 0] = 1e6
    assert micrograph.data[0, 0] != 1e6


def test_a_result_lies_exactly_on_its_raw_layer(noise: Any) -> None:
    raw = shown(Micrograph(noise, 0.8, "m1", Path("/data/m1.mrc")))
    raw.translate = (10, -20)
    result = Micrograph(noise / 2, 0.8, "m1", warnings=(CLIPPED,))
    data, attributes, kind = layer_data.result_layer(raw, result, {"model": "a.cryoden"})
    denoised = Image(data, **attributes)
    assert kind == "image"
    for name in ("scale", "translate"):
        np.testing.assert_array_equal(getattr(denoised, name), getattr(raw, name))
    assert denoised.units == raw.units
    assert denoised.axis_labels == raw.axis_labels
    assert denoised.name == "m1 · denoised"
    assert denoised.metadata["cryoden"] == {
        "role": "denoised", "source": "/data/m1.mrc", "pixel_size": 0.8, "model": "a.cryoden",
        "warnings": (CLIPPED,), "raw_id": raw.unique_id,
    }  # fmt: skip


def test_the_contrast_of_a_result_is_its_own(noise: Any) -> None:
    raw = shown(Micrograph(noise, 0.8, "m1"))
    _, attributes, _ = layer_data.result_layer(raw, Micrograph(noise / 10, 0.8, "m1"), {})
    assert attributes["contrast_limits"] == pytest.approx(robust(noise / 10))


def test_a_source_that_was_moved_away_is_no_source(noise: Any, tmp_path: Path) -> None:
    layer = shown(Micrograph(noise, 1.0, "m1", tmp_path / "gone.mrc"))
    assert layer_data.to_micrograph(layer).path is None


def test_a_denoised_layer_does_not_claim_to_be_its_source(noise: Any, tmp_path: Path) -> None:
    (tmp_path / "m1.mrc").touch()
    raw = shown(Micrograph(noise, 0.8, "m1", tmp_path / "m1.mrc"))
    data, attributes, _ = layer_data.result_layer(raw, Micrograph(noise, 0.8, "m1"), {})
    assert layer_data.to_micrograph(Image(data, **attributes)).path is None


@pytest.mark.parametrize(("role", "is_one"), [(None, True), ("raw", True), ("preview", False)])
def test_what_this_plugin_has_made_is_no_raw_layer(noise: Any, role: Any, is_one: bool) -> None:
    facts = {"cryoden": {"role": role}} if role else {}
    assert layer_data.is_raw(layer_of(noise, metadata=facts)) is is_one


def test_a_layer_leads_back_to_the_micrograph_it_was_made_of(noise: Any) -> None:
    raw, other = (shown(Micrograph(noise, 0.8, name)) for name in ("m1", "m2"))
    data, attributes, _ = layer_data.result_layer(raw, Micrograph(noise, 0.8, "m1"), {})
    result = Image(data, **attributes)
    raw.name, other.name = "renamed", "m1"
    assert layer_data.raw_of(result, [other, result, raw]) is raw
    assert layer_data.raw_of(raw, []) is raw
    assert layer_data.raw_of(result, [other, result]) is None


def test_a_layer_that_gets_its_pixel_size_keeps_its_place_and_loses_its_doubts(noise: Any) -> None:
    doubt, more = Remark("F28", "no pixel size in the header"), Remark("F04", "F28: of another kind")
    layer = layer_of(noise, translate=(10, 20), metadata={"cryoden": {"warnings": (doubt, more)}})
    assert layer_data.lacks_pixel_size(layer)
    layer_data.set_pixel_size(layer, 1.5)
    assert pixel_size(layer) == 1.5
    assert list(layer.translate) == [15, 30]
    assert layer_data.warnings_of(layer) == (more,)
    assert not layer_data.lacks_pixel_size(layer)
