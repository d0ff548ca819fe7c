from __future__ import annotations

import hashlib
from typing import Any

import mrcfile
import numpy as np
import pytest
from npe2 import write_get_writer

from cryoden.errors import CryodenError


def digest(path: Any) -> Any:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_layer_saved_and_opened_again_is_the_same(
    viewer: Any, write_mrc: Any, noise: Any, tmp_path: Any
) -> None:
    (layer,) = viewer.open(write_mrc("m1.mrc", noise, 0.854), plugin="napari-cryoden")
    target = tmp_path / "copy.mrc"
    assert layer.save(str(target), plugin="napari-cryoden") == [str(target)]
    with mrcfile.open(target) as file:
        np.testing.assert_array_equal(file.data, noise)
        assert float(file.voxel_size.x) == pytest.approx(0.854)
        assert "napari-cryoden: raw micrograph" in str(file.header.label)


def test_any_gray_image_can_be_saved_as_mrc(viewer: Any, tmp_path: Any) -> None:
    layer = viewer.add_image(np.arange(64.0).reshape(8, 8), name="ramp")
    paths, writer = write_get_writer(str(tmp_path / "ramp.mrc"), [layer])
    assert writer.plugin_name == "napari-cryoden"
    with mrcfile.open(paths[0]) as file:
        assert file.data.dtype == np.float32


def test_a_layer_in_pixels_is_saved_without_an_invented_pixel_size(
    viewer: Any, noise: Any, tmp_path: Any
) -> None:
    layer = viewer.add_image(noise, name="unknown")
    layer.save(str(tmp_path / "unknown.mrc"), plugin="napari-cryoden")
    with mrcfile.open(tmp_path / "unknown.mrc") as file:
        assert float(file.voxel_size.x) == 0


def test_a_layer_is_never_saved_onto_its_own_file(viewer: Any, write_mrc: Any, noise: Any) -> None:
    path = write_mrc("m1.mrc", noise)
    before = digest(path)
    (layer,) = viewer.open(path, plugin="napari-cryoden")
    with pytest.raises(CryodenError, match="O04"):
        layer.save(str(path), plugin="napari-cryoden")
    assert digest(path) == before


def test_a_color_image_is_refused_and_nothing_is_written(viewer: Any, tmp_path: Any) -> None:
    layer = viewer.add_image(np.zeros((8, 9, 3), np.uint8), rgb=True)
    with pytest.raises(CryodenError, match="F32"):
        layer.save(str(tmp_path / "rgb.mrc"), plugin="napari-cryoden")
    assert list(tmp_path.iterdir()) == []
