from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from cryoden.image import tiling as tilings
from cryoden.image.tiling import Tiling, continued, mirrored, rounded_up, within
from tests.cryoden.kernels.emulated_passes import compiled

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
        again[tile.top : tile.bottom, tile.left : tile.right] = tiling.core(within(cut, tiling.outside), tile)
    assert torch.equal(again, pixels)


def test_the_halo_shows_the_real_neighbors_of_a_tile() -> None:
    pixels = noise(64, 64)
    tiling = Tiling(64, 64, 16, 8, 8)
    inner = next(tile for tile in tiling.tiles() if (tile.top, tile.left) == (16, 32))
    assert torch.equal(tiling.cut(tiling.padded(pixels), inner), pixels[8:40, 24:56])


@pytest.mark.parametrize(("value", "step", "expected"), [(0, 16, 0), (1, 16, 16), (16, 16, 16), (17, 16, 32)])
def test_rounding_up_to_the_grid(value: int, step: int, expected: int) -> None:
    assert rounded_up(value, step) == expected


def test_the_image_is_continued_outwards_and_never_by_black() -> None:
    pixels = 10 + noise(40, 40)
    padded = Tiling(40, 40, 16, 8, 8).padded(pixels)
    assert padded.shape == (56, 56)
    assert torch.equal(padded[8:48, 8:48], pixels)
    assert float(padded.min()) > 4


@pytest.mark.parametrize("shape", [(40, 64), (1, 50), (7, 3)])
def test_the_image_itself_stays_as_it_is(shape: tuple[int, int]) -> None:
    image = noise(*shape)
    rows, columns = (range(-16, side + 20) for side in shape)
    around = continued(image, rows, columns)
    assert around.shape == (shape[0] + 36, shape[1] + 36)
    assert torch.equal(around[16 : 16 + shape[0], 16 : 16 + shape[1]], image)
    assert bool(torch.isfinite(around).all())


def test_beyond_an_edge_noise_is_as_strong_and_no_copy_of_what_is_beside_it() -> None:
    image = noise(200, 200)
    around = continued(image, range(-32, 232), range(-32, 232))
    outside, inside = around[:32, 32:-32], around[32:64, 32:-32].flip(0)
    assert float(outside.std()) == pytest.approx(1.0, abs=0.05)
    assert abs(float(torch.corrcoef(torch.stack([outside.ravel(), inside.ravel()]))[0, 1])) < 0.1


def test_a_slope_is_mirrored_without_a_step() -> None:
    image = torch.linspace(0, 10, 200)[:, None].expand(200, 200).contiguous()
    around = continued(image, range(-32, 232), range(-32, 232))
    mirror = image[mirrored(200, -32, 232)][:, mirrored(200, -32, 232)]
    assert float((around - mirror).abs().max()) < 0.35  # where the slope turns, it is rounded off


def test_a_side_is_mirrored_without_repeating_its_last_sample() -> None:
    assert mirrored(4, -3, 7).tolist() == [3, 2, 1, 0, 1, 2, 3, 2, 1, 0]
    assert mirrored(1, -2, 3).tolist() == [0, 0, 0, 0, 0]


@pytest.mark.parametrize("shape", [(130, 97), (30, 41), (200, 16), (1, 5)])
def test_by_the_kernels_of_a_gpu_an_image_is_continued_alike(
    shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    image = torch.randn(shape, generator=torch.Generator().manual_seed(0)) + 3
    where = range(-40, shape[0] + 50), range(-33, shape[1] + 64)
    wanted = continued(image, *where)
    emulated = compiled()
    monkeypatch.setattr(tilings, "passes_for", lambda _: emulated)
    torch.testing.assert_close(continued(image, *where), wanted, atol=2e-6, rtol=0)


def test_smoothing_for_a_gpu_leaves_the_places_that_others_keep() -> None:
    kept = mirrored(1000, -5, 1010)
    for side in (1504, 1408):
        tilings._smoothing(side)
    assert mirrored(1000, -5, 1010) is kept
