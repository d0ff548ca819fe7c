from __future__ import annotations

import numpy as np
import pytest

from cryoden.evaluation.half_metrics import gain, quality, quality_by_shell, readings
from cryoden.image.correlation import pearson
from cryoden.image.filters import gaussian
from cryoden.image.spectra import fourier_ring_correlation
from cryoden.micrograph import Pixels

SHAPE = (512, 400)


def white(seed: int, shape: tuple[int, int] = SHAPE) -> Pixels:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def halves(signal: float = 0.5, seed: int = 0) -> tuple[Pixels, Pixels, Pixels]:
    """Return even, odd and truth; noise of variance 1 under a signal of power ``signal`` squared."""
    truth = signal * white(seed)
    return 40 + truth + white(seed + 1), 40 + truth + white(seed + 2), truth


class TestReadings:
    def test_a_shared_slope_lifts_the_whole_and_not_the_detail(self) -> None:
        even, odd = white(1, (256, 3000)), white(2, (256, 3000))
        slope = np.linspace(-2, 2, 3000, dtype=np.float32)
        found = readings(even + slope, odd + slope)
        assert found.whole > 0.5
        assert abs(found.detail) < 0.02

    def test_the_center_sees_no_border(self) -> None:
        shape = (1100, 1200)
        even, odd = white(1, shape), white(2, shape)
        even[:38], odd[:38] = 50, 50
        found = readings(even, odd)
        assert found.whole > 0.5
        assert abs(found.center) < 0.01


class TestQuality:
    def test_of_a_known_linear_filter(self) -> None:
        even, odd, _ = halves()
        found = quality(even, odd, 0.3 * even, 0.3 * odd)
        assert found.signal == pytest.approx(0.25, abs=0.01)
        assert found.noise_raw == pytest.approx(1, abs=0.01)
        assert found.noise_denoised == pytest.approx(0.09, abs=0.001)
        assert found.bias == pytest.approx(0.49 * 0.25, abs=0.01)
        assert found.palovcak_db == pytest.approx(-20 * np.log10(0.3))
        assert found.snr_denoised / found.snr_raw == pytest.approx(1 / 0.09)

    def test_doing_nothing_gains_nothing_and_distorts_nothing(self) -> None:
        even, odd, _ = halves()
        found = quality(even, odd, even, odd)
        assert found.palovcak_db == pytest.approx(0)
        assert found.bias_ratio == pytest.approx(0, abs=1e-9)

    def test_a_constant_wins_without_end_at_the_price_of_all_signal(self) -> None:
        even, odd, _ = halves()
        flat = np.zeros_like(even)
        found = quality(even, odd, flat, flat)
        assert found.palovcak_db == np.inf
        assert found.bias_ratio == pytest.approx(1)
        assert found.error_ratio == pytest.approx(1)

    def test_invented_structure_raises_the_ring_correlation_and_the_bias_alike(self) -> None:
        even, odd, _ = halves()
        invented = gaussian(white(9), 2)
        invented /= invented.std()
        before = fourier_ring_correlation(even, odd, 1.5).values
        after = fourier_ring_correlation(even + invented, odd + invented, 1.5).values
        assert after[10:40].mean() > before[10:40].mean() + 0.3
        assert quality(even, odd, even + invented, odd + invented).bias == pytest.approx(1, abs=0.03)
        # what is invented predicts the other raw half no better
        assert pearson(even + invented, odd) < pearson(even, odd)

    def test_the_error_is_the_one_against_the_truth(self) -> None:
        even, odd, truth = halves()
        denoised = [0.4 * gaussian(half, 0.8) for half in (even, odd)]
        expected = np.mean([(image - truth).var() for image in denoised]) / truth.var()
        assert quality(even, odd, *denoised).error_ratio == pytest.approx(expected, rel=0.03)

    def test_by_shell_knows_what_a_filter_does_at_each_frequency(self) -> None:
        even, odd, _ = halves(signal=1)
        found = quality_by_shell(even, odd, gaussian(even, 1), gaussian(odd, 1), 1.5)
        passed = np.exp(-2 * (np.pi * found.frequencies * 1.5) ** 2)
        inside = slice(20, None)
        np.testing.assert_allclose(found.signal[inside], 1, atol=0.4)
        np.testing.assert_allclose(found.signal[inside].mean(), 1, atol=0.02)
        np.testing.assert_allclose(found.palovcak_db[inside], -20 * np.log10(passed)[inside], atol=0.3)
        np.testing.assert_allclose(found.bias_ratio[inside], ((1 - passed) ** 2)[inside], atol=0.03)


class TestGain:
    def test_of_a_known_mixture(self) -> None:
        truth = white(0)
        found = gain(truth + white(1), -7 + 3 * (truth + 0.5 * white(2)), truth)
        assert found.raw_db == pytest.approx(0, abs=0.1)
        assert found.denoised_db == pytest.approx(20 * np.log10(2), abs=0.1)
        assert found.gain_db == pytest.approx(found.denoised_db - found.raw_db)

    def test_a_constant_knows_nothing_of_the_truth(self) -> None:
        assert gain(white(1), np.ones(SHAPE, np.float32), white(1)).denoised_db < -150
