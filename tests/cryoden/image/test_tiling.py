from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from cryoden.image.tiling import Tiling, rounded_up

sides = st.integers(1, 90)


def noise(height: int, width: int) -> Tensor:
    return torch.randn(height, width, generator=torch.Generator().manual_seed(0))


@settings(deadline=None)
@given(
    height=sides,
    width=sides,
    edge=st.integers(1, 100),
    halo=st.integers(0, 70),
    stride=st.sampled_from([1, 2, 16]),
)
def test_cores_put_together_are_the_image(height: int, width: int, edge: int, halo: int, stride: int) -> None:
    pixels = noise(height, width)
    tiling = Tiling(height, width, edge, halo, stride)
    padded = tiling.padded(pixels)
    again = torch.full_like(pixels, torch.nan)
    for tile in tiling.tiles():
        cut = tiling.cut(padded, tile)
        assert all(side % stride == 0 for side in cut.shape)
        assert again[tile.top : tile.bottom, tile.left : tile.right].isnan().all()
        again[tile.top : tile.bottom, tile.left : tile.right] = tiling.core(cut, tile)
    assert torch.equal(again, pixels)


def test_the_halo_shows_the_real_neighbors_of_a_tile() -> None:
    pixels = noise(64, 64)
    tiling = Tiling(64, 64, 16, 8, 8)
    inner = next(tile for tile in tiling.tiles() if (tile.top, tile.left) == (16, 32))
    assert torch.equal(tiling.cut(tiling.padded(pixels), inner), pixels[8:40, 24:56])


@pytest.mark.parametrize(("value", "step", "expected"), [(0, 16, 0), (1, 16, 16), (16, 16, 16), (17, 16, 32)])
def test_rounding_up_to_the_grid(value: int, step: int, expected: int) -> None:
    assert rounded_up(value, step) == expected


def test_the_image_is_mirrored_outwards_and_never_continued_by_black() -> None:
    pixels = noise(40, 40)
    padded = Tiling(40, 40, 16, 8, 8).padded(pixels)
    assert torch.equal(padded[7, 8:48], pixels[1])
    assert torch.equal(padded[8:48, 48], pixels[:, 38])
