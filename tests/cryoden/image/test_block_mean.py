from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from cryoden.image.block_mean import averaged_down, block_mean, blocks, edges, pyramid, repeated


def test_a_mean_is_that_of_its_own_block_and_what_is_left_over_is_dropped() -> None:
    image = np.arange(5 * 7, dtype=np.float32).reshape(5, 7)
    expected = [[image[r : r + 2, c : c + 2].mean() for c in (0, 2, 4)] for r in (0, 2)]
    np.testing.assert_array_equal(block_mean(image, 2), expected)
    np.testing.assert_array_equal(blocks(image, 2)[1, 2], image[2:4, 4:6])


def test_means_are_summed_in_double_precision() -> None:
    image = np.random.default_rng(0).normal(1000, 1, (64, 64)).astype(np.float32)
    assert block_mean(image, 64)[0, 0] == pytest.approx(image.astype(np.float64).mean(), rel=1e-13)


def test_a_large_image_is_averaged_down_and_a_small_one_is_as_it_was() -> None:
    image = np.random.default_rng(0).normal(size=(900, 2000)).astype(np.float32)
    assert averaged_down(image, 500).shape == (225, 500)
    np.testing.assert_array_equal(averaged_down(image[:700, :700], 500), image[:700, :700])


def test_means_that_are_repeated_have_the_size_of_the_image_and_its_means() -> None:
    means = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    assert repeated(means, 16).shape == (48, 80)
    np.testing.assert_allclose(block_mean(repeated(means, 16), 16), means, rtol=1e-6)


@pytest.mark.parametrize("shape", [(96, 128), (97, 131)])
def test_a_pyramid_has_the_means_of_blocks_of_two_three_four_six_and_on(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    levels = pyramid(image, 8)
    assert edges(shape, 8) == [1, 2, 3, 4, 6, 8, 12, 16]
    assert levels[0] is image
    for level, edge in zip(levels, edges(shape, 8), strict=True):
        whole = block_mean(image, edge)
        assert level.dtype == np.float32
        assert level.shape == tuple(-(-side // edge) for side in shape)
        np.testing.assert_allclose(level[: whole.shape[0], : whole.shape[1]], whole, atol=1e-6)


def test_of_each_level_a_screen_leaves_out_no_more_than_every_third_row() -> None:
    found = edges((11_520, 8_184))
    assert max(next_ / one for one, next_ in pairwise(found[1:])) == 1.5
    assert 256 <= 11_520 / found[-1] < 400


def test_noise_is_averaged_as_blocks_grow() -> None:
    image = np.random.default_rng(0).normal(size=(512, 512)).astype(np.float32)
    for level, edge in zip(pyramid(image, 32), edges(image.shape, 32), strict=True):
        assert level.std() == pytest.approx(1 / edge, rel=0.1)
