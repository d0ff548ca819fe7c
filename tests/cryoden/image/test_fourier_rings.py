from __future__ import annotations

import numpy as np
import pytest

from cryoden.image.fourier_rings import cross_power, inverse, neighbors_averaged, ring_index, transform
from cryoden.micrograph import Pixels

SHAPES = [(64, 64), (63, 96), (97, 50)]


def white(shape: tuple[int, int], seed: int) -> Pixels:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


@pytest.mark.parametrize("shape", SHAPES)
def test_an_image_comes_back_from_its_transform(shape: tuple[int, int]) -> None:
    image = white(shape, 0)
    np.testing.assert_allclose(inverse(transform(image), shape), image, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_white_noise_has_its_variance_in_the_power_of_each_image_and_none_between_two(
    shape: tuple[int, int],
) -> None:
    found = cross_power([white(shape, 1), 3 * white(shape, 2)], 1.5)
    mean = np.average(found.power, axis=-1, weights=found.counts)
    np.testing.assert_allclose(mean, [[1, 0], [0, 9]], atol=0.5)
    assert found.frequencies[-1] == pytest.approx(1 / 3, rel=0.05)


def test_a_coefficient_lies_in_the_ring_of_its_frequency() -> None:
    index = ring_index(np.array([0.0, 0.3]), np.array([0.0, 0.4]), 10)
    assert index.tolist() == [0, 4, 3, 5]


def test_a_mean_over_neighboring_rings_is_weighted_by_their_counts() -> None:
    values, counts = neighbors_averaged(np.array([1.0, 4.0, 7.0]), np.array([1.0, 2.0, 1.0]), 1)
    assert values.tolist() == pytest.approx([3, 4, 5])
    assert counts.tolist() == [3, 4, 3]
