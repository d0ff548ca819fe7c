from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryoden.tiling import Tiling, rounded_up

sides = st.integers(1, 90)


@given(
    height=sides,
    width=sides,
    edge=st.integers(1, 100),
    halo=st.integers(0, 70),
    stride=st.sampled_from([1, 2, 16]),
)
def test_cores_put_together_are_the_micrograph(
    height: int, width: int, edge: int, halo: int, stride: int
) -> None:
    pixels = np.random.default_rng(0).normal(size=(height, width)).astype(np.float32)
    tiling = Tiling(height, width, edge, halo, stride)
    padded = tiling.padded(pixels)
    again = np.full_like(pixels, np.nan)
    for tile in tiling.tiles():
        cut = tiling.cut(padded, tile)
        assert all(side % stride == 0 for side in cut.shape)
        assert np.isnan(again[tile.top : tile.bottom, tile.left : tile.right]).all()
        again[tile.top : tile.bottom, tile.left : tile.right] = tiling.core(cut, tile)
    assert np.array_equal(again, pixels)


def test_the_halo_shows_the_real_neighbors_of_a_tile() -> None:
    pixels = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
    tiling = Tiling(64, 64, 16, 8, 8)
    inner = next(tile for tile in tiling.tiles() if (tile.top, tile.left) == (16, 32))
    assert np.array_equal(tiling.cut(tiling.padded(pixels), inner), pixels[8:40, 24:56])


@pytest.mark.parametrize(("value", "step", "expected"), [(0, 16, 0), (1, 16, 16), (16, 16, 16), (17, 16, 32)])
def test_rounding_up_to_the_grid(value: int, step: int, expected: int) -> None:
    assert rounded_up(value, step) == expected


def test_the_micrograph_is_mirrored_outwards_and_never_continued_by_black() -> None:
    pixels = np.random.default_rng(0).normal(size=(40, 40)).astype(np.float32)
    padded = Tiling(40, 40, 16, 8, 8).padded(pixels)
    assert np.array_equal(padded[7, 8:48], pixels[1])
    assert np.array_equal(padded[8:48, 48], pixels[:, 38])
