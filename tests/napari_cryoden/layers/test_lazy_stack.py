from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cryoden.errors import MicrographError
from cryoden.image.block_mean import block_mean
from napari_cryoden.layers.contrast import robust
from napari_cryoden.layers.file_layer import of_file
from napari_cryoden.layers.lazy_stack import LazyStack, stack_of

IMAGES = np.random.default_rng(0).normal(size=(4, 300, 320)).astype(np.float32)


def test_any_part_is_that_of_the_file(write_mrc: Any) -> None:
    stack = stack_of(write_mrc("s.mrcs", IMAGES), None, None)
    assert stack is not None
    for name in ("shape", "ndim", "dtype", "size", "nbytes"):
        assert getattr(stack, name) == getattr(IMAGES, name)
    assert len(stack) == 4
    for key in (
        2,
        -1,
        (1, slice(5, 9)),
        (slice(1, 3), 0),
        (slice(None), slice(0, 2), 3),
        ...,
        (np.int64(3), ...),
    ):
        np.testing.assert_array_equal(stack[key], IMAGES[key])
    np.testing.assert_array_equal(np.asarray(stack), IMAGES)


def noted(stack: LazyStack, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return where the planes that are read from now on are noted."""
    read, one = list[int](), stack.pixels

    def reading(plane: int) -> Any:
        read.append(plane)
        return one(plane)

    monkeypatch.setattr(stack, "pixels", reading)
    return read


def test_no_more_than_a_plane_is_read_for_one(write_mrc: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = stack_of(write_mrc("s.mrcs", IMAGES), None, None)
    assert stack is not None
    read = noted(stack, monkeypatch)
    assert stack[3, 10:20].shape == (10, 320)
    assert read == [3]


@pytest.mark.filterwarnings("ignore:Data array contains NaN")
@pytest.mark.parametrize("level", [0.0, np.nan])
def test_planes_without_contrast_are_shown_and_say_nothing_of_the_others(
    write_mrc: Any, level: float
) -> None:
    images = IMAGES.copy()
    images[[0, 2]] = level
    (data, attributes, _), _ = of_file(write_mrc("s.mrcs", images))
    for plane in range(4):
        np.testing.assert_array_equal(data[plane], images[plane])
    assert attributes["contrast_limits"] == robust(images[1])
    images[:] = level
    with pytest.raises(MicrographError, match=r"F2[45] "):
        of_file(write_mrc("none.mrcs", images))


def test_a_micrograph_is_none_and_volumes_and_particles_are_refused(write_mrc: Any) -> None:
    assert stack_of(write_mrc("m.mrc", IMAGES[0]), None, None) is None
    volume: Path = write_mrc("v.mrc", IMAGES)
    with pytest.raises(MicrographError, match=r"F32 .* this is a volume"):
        stack_of(volume, None, None)
    volume.with_name("v.mrc.mdoc").write_text("PixelSpacing = 1\n[ZValue = 0]\nTiltAngle = 0\n")
    assert stack_of(volume, None, None) is not None
    with pytest.raises(MicrographError, match=r"F32 .* particles"):
        stack_of(write_mrc("p.mrcs", IMAGES[:, :64, :64]), None, None)


def test_planes_are_drawn_as_block_means_of_which_no_other_is_read(
    write_mrc: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = np.random.default_rng(0).normal(size=(4, 520, 601)).astype(np.float32)
    stack = stack_of(write_mrc("s.mrcs", images), None, None)
    assert stack is not None
    read = noted(stack, monkeypatch)
    fine, coarse = stack.levels
    assert (fine, coarse.shape) == (stack, (4, 260, 301))
    part = coarse[:, 10:20, 30:50]  # as napari cuts what is in view
    assert (part.shape, read) == ((4, 10, 20), [])
    np.testing.assert_allclose(part[2], block_mean(images[2], 2)[10:20, 30:50], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(fine[2], images[2])
    assert read == [2]
    for plane in range(4):
        np.testing.assert_array_equal(stack[plane], images[plane])
    assert [stack.known(plane) is None for plane in range(4)] == [True, False, False, False]
