from __future__ import annotations

import numpy as np
import pytest

from cryoden.image.correlation import pearson
from cryoden.image.filters import gaussian, high_passed, low_passed, wiener
from cryoden.micrograph import Pixels
from tests.cryoden.scenes import scene


def white(shape: tuple[int, int], seed: int) -> Pixels:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


class TestGaussian:
    def test_is_convolution_with_a_bell_over_mirrored_borders(self) -> None:
        image, sigma = 50 + white((40, 57), 0), 2.5
        bell = np.exp(-(np.arange(-10, 11) ** 2) / (2 * sigma**2))
        bell /= bell.sum()
        smooth = np.pad(image, 10, mode="reflect")
        for axis in (0, 1):
            smooth = np.apply_along_axis(np.convolve, axis, smooth, bell, "valid")
        np.testing.assert_allclose(gaussian(image, sigma), smooth, atol=1e-3)

    def test_of_no_width_changes_nothing(self) -> None:
        image = white((30, 41), 0)
        np.testing.assert_allclose(gaussian(image, 0), image, atol=1e-6)

    def test_wider_than_the_image_leaves_about_the_mean(self) -> None:
        image = 7 + white((33, 20), 0)
        np.testing.assert_allclose(gaussian(image, 500), image.mean(), atol=0.3)


def test_a_low_pass_halves_the_amplitude_at_its_resolution() -> None:
    columns = np.arange(480)
    for period, amplitude in ((24, 1 / 2), (12, 1 / 16), (48, 1 / 2 ** (1 / 4))):
        wave = np.tile(np.cos(2 * np.pi * columns / period), (64, 1)).astype(np.float32)
        passed = low_passed(wave, pixel_size=1.25, resolution=30)
        assert passed[:, 96:384].max() == pytest.approx(amplitude, abs=0.003)


class TestWienerFilter:
    def test_gain_is_the_share_of_signal_at_each_frequency(self) -> None:
        signal = 6 * gaussian(white((512, 384), 0), 1)
        halves = signal + white(signal.shape, 1), signal + white(signal.shape, 2)
        found = wiener([halves], 1.5)
        power = 36 * np.exp(-((2 * np.pi * found.frequencies * 1.5) ** 2))
        np.testing.assert_allclose(found.gain[10:], (power / (power + 1))[10:], atol=0.045)

    def test_beats_every_gaussian_on_an_image_it_has_not_seen(self) -> None:
        known = [scene(seed, (320, 256)) for seed in range(4)]
        found = wiener([(one.even.data, one.odd.data) for one in known[1:]], 1.5)
        image, truth = known[0].even.data, known[0].clean
        best = max(pearson(gaussian(image, width), truth) for width in (1, 2, 3, 4, 6))
        assert pearson(found.apply(image), truth) > best

    def test_keeps_mean_and_shape_of_an_image_of_another_size(self) -> None:
        known = scene()
        found = wiener([(known.even.data, known.odd.data)], 1.5)
        image = scene(9, (131, 250)).even.data
        passed = found.apply(image)
        assert passed.shape == image.shape
        assert passed.dtype == np.float32
        assert passed.mean() == pytest.approx(image.mean(), rel=1e-3)

    def test_pairs_of_different_sizes_count_together(self) -> None:
        small, large = scene(1, (128, 128)), scene(2, (256, 320))
        pairs = [(one.even.data, one.odd.data) for one in (small, large)]
        both, alone = wiener(pairs, 1.5), wiener(pairs[:1], 1.5)
        assert both.gain.shape == alone.gain.shape
        assert not np.allclose(both.gain, alone.gain, atol=0.02)

    def test_halves_that_share_nothing_pass_next_to_nothing(self) -> None:
        found = wiener([(white((512, 512), 1), white((512, 512), 2))], 1.5)
        assert found.apply(white((512, 512), 3)).var() < 3e-4
        assert found.gain.min() == 0


class TestHighPass:
    def test_halves_the_amplitude_at_its_resolution_and_keeps_what_is_finer(self) -> None:
        places = np.arange(4800, dtype=np.float32)[:, None]
        for length, left in ((100, 0.98), (400, 0.5), (1600, 0.04)):
            wave = np.cos(2 * np.pi * places / length) * np.ones((1, 64), np.float32)
            found, middle = high_passed(wave, 2.0, 800.0)[800:4000], wave[800:4000]
            share = np.sum(found * middle) / np.sum(middle**2)
            assert share == pytest.approx(left, abs=0.04)

    def test_takes_a_gradient_of_ice_away_and_leaves_the_median(self) -> None:
        noise = np.random.default_rng(0).normal(50, 1, (500, 403)).astype(np.float32)
        slope = np.linspace(0, 40, 500, dtype=np.float32)[:, None]
        found = high_passed(noise + slope, 1.5, 300.0)[60:-60]
        assert np.ptp(found.reshape(-1, 20, 403).mean((1, 2))) < 1.5
        assert np.median(found) == pytest.approx(70, abs=1)

    @pytest.mark.parametrize("resolution", [20.0, 40.0, 75.0])
    def test_finer_than_a_hundred_px_is_the_image_without_its_low_pass(self, resolution: float) -> None:
        image = np.random.default_rng(0).normal(50, 1, (203, 301)).astype(np.float32)
        smooth = image - high_passed(image, 1.0, resolution)
        inner = np.s_[80:-80, 80:-80]  # of which a mirrored border is no part
        expected = low_passed(image, 1.0, resolution) - np.median(image)
        assert np.std((smooth - expected)[inner]) < 0.1 * np.std(expected[inner])

    def test_leaves_no_halo_around_an_ice_crystal(self) -> None:
        image = np.random.default_rng(0).normal(0, 1, (400, 400)).astype(np.float32)
        image[150:250, 150:250] -= 60
        found = high_passed(image, 1.0, 200.0)
        ring = found[100:300, 100:300].copy()
        ring[45:155, 45:155] = np.nan
        assert abs(np.nanmean(ring)) < 0.5
        assert found[160:240, 160:240].mean() < -50
