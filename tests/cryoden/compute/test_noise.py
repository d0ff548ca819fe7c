"""Noise by (seed, epoch, index): its distribution is exact, and no two names share any of it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cryoden.compute import noise
from cryoden.compute.noise import with_noise

PIXELS = 1 << 20
LEAST = 1e-4  # of a test that nothing is wrong with; the draws are the same each time


def drawn(mean: float, seed: int = 0) -> noise.Words:
    """Counts of a mean, as many as a patch has pixels."""
    words = np.random.default_rng(seed).integers(0, 1 << 32, (PIXELS, 3), np.uint32)
    return noise.counts(words, np.full(PIXELS, mean, np.float32))


@pytest.mark.parametrize("mean", [0.0, 1e-3, 0.4, 0.999, 1.0, 7.5, 63.97, 64.0, 85.3, 100.0, 127.6, 3_000.7])
def test_counts_are_poisson_variables_of_any_mean(mean: float) -> None:
    found = drawn(mean)
    numbers = np.arange(found.max() + 2)
    expected = PIXELS * stats.poisson.pmf(numbers, np.float32(mean))
    common = expected > 5
    assert (np.bincount(found, minlength=len(numbers))[~common].sum()) < 5 + 10 * expected[~common].sum()
    sizes = np.bincount(found, minlength=len(numbers))[common]
    if len(sizes) > 1:
        whole = expected[common] * sizes.sum() / expected[common].sum()
        assert stats.chisquare(sizes, whole).pvalue > LEAST


@pytest.mark.parametrize("mean", [0.7, 31.6, 85.3])
def test_counts_are_those_of_numpys_own_generator_in_distribution(mean: float) -> None:
    other = np.random.default_rng(5).poisson(mean, PIXELS)
    pooled = np.concatenate([drawn(mean), other])
    table = [np.bincount(part, minlength=pooled.max() + 1) for part in (drawn(mean), other)]
    usual = np.array(table)[:, np.sum(table, axis=0) > 20]
    assert stats.chi2_contingency(usual).pvalue > LEAST


def test_rare_counts_are_as_rare_as_they_should_be() -> None:
    """Of 32 million draws: the tails, where a table is coarsest."""
    found = np.concatenate([drawn(40.25, seed) for seed in range(32)])
    for tail, chance in (
        (found <= 14, stats.poisson.cdf(14, 40.25)),
        (found >= 71, stats.poisson.sf(70, 40.25)),
    ):
        expected = chance * found.size
        assert 30 < expected < 1000
        assert abs(np.count_nonzero(tail) - expected) < 4 * expected**0.5


def test_normal_numbers_are_normal_to_their_tails() -> None:
    found = noise.normal(np.random.default_rng(1).integers(0, 1 << 32, 1 << 22, np.uint32))
    assert stats.kstest(found, "norm").pvalue > LEAST
    beyond = np.count_nonzero(np.abs(found) > 4)
    expected = 2 * stats.norm.sf(4) * found.size
    assert abs(beyond - expected) < 4 * expected**0.5


def test_the_quantile_is_right_to_a_millionth_for_every_size_of_a_probability() -> None:
    words = np.array([0, 1, 5, *(int(1.37 * 2**power) for power in range(2, 31))], np.uint32)
    wanted = -stats.norm.ppf((np.maximum(words, 1) + 0.5) / 2**32)
    np.testing.assert_allclose(noise.normal(words), wanted, atol=1e-6)
    np.testing.assert_array_equal(noise.normal(words | np.uint32(1 << 31)), -noise.normal(words))


def test_a_patch_with_noise_has_the_mean_of_the_target_and_both_variances() -> None:
    target = np.full((1000, 1000), 0.37, np.float32)
    found = with_noise(target, (0, 0, 0), 100, 0.05).astype(np.float64)
    assert found.mean() == pytest.approx(0.37, abs=4e-4)
    assert found.var() == pytest.approx(0.37 / 100 + 0.05**2, rel=6e-3)


def test_each_name_has_noise_of_its_own_and_always_the_same() -> None:
    target = np.full((300, 301), 0.5, np.float32)
    names = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
    found = [with_noise(target, name, 100, 0.05) for name in names]
    shared = np.corrcoef([one.ravel() for one in found]) - np.eye(4)
    assert np.abs(shared).max() < 0.015  # 90,300 px: chance reaches 0.01
    np.testing.assert_array_equal(found[2], with_noise(target, names[2], 100, 0.05))


def test_neighboring_pixels_and_both_parts_of_the_noise_are_independent() -> None:
    target = np.full((1000, 1000), 0.5, np.float32)
    counted, normal = (
        with_noise(target, (0, 0, 0), poisson, gaussian) - target
        for poisson, gaussian in ((100, 0), (0, 0.05))
    )
    for one in (counted, normal):
        for axis in (0, 1):
            r = np.corrcoef(one.ravel(), np.roll(one, 1, axis).ravel())[0, 1]
            assert abs(r) < 4e-3
    assert abs(np.corrcoef(counted.ravel(), normal.ravel())[0, 1]) < 4e-3
