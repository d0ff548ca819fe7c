from __future__ import annotations

import numpy as np
import pytest

from cryoden.image.block_mean import averaged_down, block_mean, blocks, repeated


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
