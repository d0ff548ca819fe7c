"""Layers of other readers: axes of length 1, stacks, pyramids, lazy data, turned and sheared ones."""

from __future__ import annotations

from typing import Any

import dask.array
import numpy as np
import pytest
from napari.layers import Image

from cryoden.errors import MicrographError
from cryoden.events.training import PreviewMade
from cryoden.micrograph import Micrograph
from napari_cryoden.layers import layer_data
from napari_cryoden.layers.plane import pixel_size, plane_of, size_of

ARRAY: Any = dask.array  # it has no types
ANGSTROM = ("angstrom",) * 2
AFFINE = np.array([[0.9, 0.1, 3], [-0.1, 1.1, 4], [0, 0, 1]])
TURNED: list[dict[str, Any]] = [
    {"rotate": 30},
    {"shear": [0.3]},
    {"scale": (-2, 2)},
    {"scale": (2, -2), "rotate": -75, "shear": [0.2], "translate": (5, -6)},
    {"affine": AFFINE, "translate": (7, 8)},
]


def corners(layer: Any, of: Any) -> Any:
    """Where two opposite corners of one layer's pixels are in the world."""
    height, width = layer_data.to_micrograph(of).shape
    axes = plane_of(of).axes
    ends = np.zeros((2, of.ndim))
    ends[1, list(axes)] = height - 1, width - 1
    return [np.asarray(layer.data_to_world(end))[list(axes)] for end in ends]


@pytest.mark.parametrize("lay", [(None, ...), (..., None), (None, None, ...), (None, ..., None)])
def test_axes_of_length_one_are_dropped_and_the_result_keeps_its_place(
    viewer: Any, noise: Any, lay: Any
) -> None:
    raw = viewer.add_image(noise[lay], name="m1")
    scale = [3.0] * raw.ndim
    for axis in plane_of(raw).axes:
        scale[axis] = 1.5
    raw.scale = scale
    micrograph = layer_data.to_micrograph(raw)
    np.testing.assert_array_equal(micrograph.data, noise)
    data, attributes, _ = layer_data.result_layer(raw, micrograph, {})
    result = viewer.add_image(data, **attributes)
    assert result.data.shape == raw.data.shape
    np.testing.assert_allclose(corners(result, result), corners(raw, raw))
    np.testing.assert_array_equal(layer_data.to_micrograph(result).data, noise)


def test_the_pixel_size_is_that_of_rows_and_columns(viewer: Any, noise: Any) -> None:
    raw = viewer.add_image(noise[None], scale=(10, 0.8, 0.8), units=("pixel", *ANGSTROM))
    assert pixel_size(raw) == pytest.approx(0.8)


def test_of_a_stack_the_section_in_view_is_taken_and_the_result_lies_in_it(viewer: Any, noise: Any) -> None:
    stack = np.stack([noise + number for number in range(5)])
    raw = viewer.add_image(stack, name="stack", scale=(2, 1, 1))
    viewer.dims.set_current_step(0, 3)
    view, micrograph = layer_data.view_of(raw), layer_data.to_micrograph(raw)
    np.testing.assert_array_equal(micrograph.data, stack[3])
    assert view.plane.words == "section 3 of 0 to 4"
    viewer.dims.set_current_step(0, 1)
    data, attributes, _ = layer_data.result_layer(raw, micrograph, {}, view)
    result = viewer.add_image(data, **attributes)
    assert result.data.shape == (1, *noise.shape)
    np.testing.assert_allclose(result.data_to_world((0, 0, 0)), raw.data_to_world((3, 0, 0)))
    assert result.metadata["cryoden"]["section"] == (3,)


def test_a_pyramid_is_taken_at_full_size(viewer: Any, noise: Any) -> None:
    raw = viewer.add_image([noise, noise[::2, ::2]], multiscale=True, scale=(0.8, 0.8), units=ANGSTROM)
    micrograph = layer_data.to_micrograph(raw)
    np.testing.assert_array_equal(micrograph.data, noise)
    assert (micrograph.pixel_size, size_of(raw)) == (0.8, noise.shape)


def broken_like(lazy: Any) -> Any:
    """The same lazy data, on a disk that is gone."""

    def read(_: Any) -> Any:
        raise OSError("the disk is gone")

    return lazy.map_blocks(read, dtype=lazy.dtype, meta=np.empty((0, 0), lazy.dtype))


def test_lazy_data_are_computed_where_they_are_in_view(viewer: Any, noise: Any) -> None:
    lazy = ARRAY.from_array(noise, chunks=(32, 32))
    alone = viewer.add_image(lazy, contrast_limits=(0, 10))
    stacked = viewer.add_image(ARRAY.stack([lazy, broken_like(lazy)]), contrast_limits=(0, 10))
    viewer.dims.set_current_step(0, 0)
    for layer in (alone, stacked):
        np.testing.assert_array_equal(layer_data.to_micrograph(layer).data, noise)


def test_lazy_data_that_cannot_be_read_are_refused_with_the_reason(noise: Any) -> None:
    lazy = ARRAY.from_array(noise)
    layer = Image(lazy, name="lazy", contrast_limits=(0, 1))
    layer._data = broken_like(lazy)
    with pytest.raises(MicrographError, match=r"F49 .*'lazy'.*the disk is gone"):
        layer_data.to_micrograph(layer)


@pytest.mark.parametrize("turned", TURNED)
def test_what_is_made_of_a_turned_sheared_or_mirrored_layer_lies_on_it(noise: Any, turned: Any) -> None:
    raw = Image(noise, name="m1", **turned)
    data, attributes, _ = layer_data.result_layer(raw, Micrograph(noise, None, "m1"), {})
    np.testing.assert_allclose(corners(Image(data, **attributes), raw), corners(raw, raw))


@pytest.mark.parametrize("turned", TURNED)
def test_a_region_of_such_a_layer_lies_where_it_was_cut(noise: Any, turned: Any) -> None:
    raw = Image(noise, name="m1", **turned)
    made = PreviewMade(1, 10, 20, Micrograph(noise[10:30, 20:60], None, "m1"))
    data, attributes, _ = layer_data.preview_layer(raw, made)
    there = Image(data, **attributes).data_to_world((3, 4))
    np.testing.assert_allclose(there, raw.data_to_world((13, 24)))


def test_a_mirrored_layer_has_a_pixel_size(noise: Any) -> None:
    assert pixel_size(Image(noise, scale=(-1.2, 1.2), units=ANGSTROM)) == pytest.approx(1.2)
