from __future__ import annotations

import numpy as np
import pytest

from cryoden.image.correlation import covariances, normalized, pearson
from cryoden.micrograph import Pixels

SHAPE = (512, 400)


def white(seed: int) -> Pixels:
    return np.random.default_rng(seed).standard_normal(SHAPE, np.float32)


def test_the_correlation_of_halves_is_the_share_of_signal_in_their_variance() -> None:
    truth = 0.5 * white(0)
    assert pearson(40 + truth + white(1), 40 + truth + white(2)) == pytest.approx(0.25 / 1.25, abs=0.01)


def test_it_is_exact_under_a_large_offset() -> None:
    a, b = 10_000 + white(0), 10_000 + white(0) + white(1)
    expected = np.corrcoef(a.astype(np.float64).ravel(), b.astype(np.float64).ravel())[0, 1]
    assert pearson(a, b) == pytest.approx(expected, abs=1e-9)


def test_a_constant_and_an_image_without_pixels_correlate_with_nothing() -> None:
    assert pearson(np.full(SHAPE, 3, np.float32), white(0)) == pytest.approx(0, abs=1e-9)
    assert pearson(np.zeros((0, 5)), np.zeros((0, 5))) == 0


def test_covariances_are_those_of_every_two_images() -> None:
    images = [white(0), white(0) + white(1), 2 * white(1)]
    expected = np.cov([image.ravel() for image in images], bias=True)
    np.testing.assert_allclose(covariances(images), expected, rtol=1e-5, atol=1e-5)


def test_a_ring_without_power_has_the_correlation_0() -> None:
    shared, one, other = np.array([[3.0, 0.0], [9.0, 0.0], [4.0, 5.0]])
    np.testing.assert_allclose(normalized(shared, one, other), [0.5, 0])
