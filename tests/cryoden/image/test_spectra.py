from __future__ import annotations

import numpy as np
import pytest

from cryoden.formats import micrographs
from cryoden.image.filters import gaussian
from cryoden.image.spectra import (
    PARTICLES,
    Band,
    RadialProfile,
    autocorrelation,
    fourier_ring_correlation,
    phase_randomized,
    power_spectrum,
    radial_power,
    resolution,
)
from cryoden.micrograph import Array, Pixels
from tests.cryoden.hostile import DATA

SHAPES = [(256, 256), (255, 384), (384, 201)]
PIXEL = 1.5


def white(shape: tuple[int, int], seed: int) -> Pixels:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def wave(shape: tuple[int, int], axis: int, period: float) -> Pixels:
    return np.asarray(np.cos(2 * np.pi * np.indices(shape)[axis] / period), np.float32)


def profile(values: list[float] | Array, per_ring: float = 1e6) -> RadialProfile:
    n = len(values)
    return RadialProfile(np.arange(1, n + 1) / 100, np.asarray(values), np.full(n, per_ring))


class TestPower:
    @pytest.mark.parametrize("shape", SHAPES)
    def test_white_noise_has_its_variance_at_every_frequency(self, shape: tuple[int, int]) -> None:
        found = radial_power(100 + 3 * white(shape, 0), PIXEL)
        # a ring's mean over counts / 2 exponential values, some of them lost to the taper
        chance = 9 / np.sqrt(found.counts / 2 * 0.7)
        assert np.all(np.abs(found.values - 9) < 5 * chance)
        assert found.frequencies[-1] == pytest.approx(1 / (2 * PIXEL), rel=2 / min(shape))

    def test_rings_of_an_oblong_image_are_physical(self) -> None:
        found = [radial_power(wave((300, 480), axis, 12), PIXEL) for axis in (0, 1)]
        peaks = [one.frequencies[one.values.argmax()] for one in found]
        assert peaks == [pytest.approx(1 / (12 * PIXEL))] * 2

    def test_the_rings_hold_every_frequency_up_to_nyquist_once(self) -> None:
        counts = radial_power(white((64, 96), 0), PIXEL).counts
        rows, columns = np.fft.fftfreq(64)[:, None], np.fft.fftfreq(96)
        frequencies = np.rint(64 * np.hypot(rows, columns)).astype(int)
        np.testing.assert_array_equal(counts, np.bincount(frequencies.ravel())[1:33])

    def test_the_picture_of_it_has_frequency_0_in_the_middle(self) -> None:
        power = power_spectrum(wave((120, 160), 0, 10) + 2 * wave((120, 160), 1, 10))
        rows, columns = np.unravel_index(np.argsort(power.ravel())[-4:], power.shape)
        assert {(60, 80 - 16), (60, 80 + 16)} == set(
            zip(rows[2:].tolist(), columns[2:].tolist(), strict=True)
        )
        assert power[60 + 12, 80] == pytest.approx(power[60, 80 + 16] / 4, rel=0.01)

    @pytest.mark.parametrize("shape", [(33, 45), (32, 45), (33, 44)])
    def test_the_picture_of_it_is_symmetric_about_its_middle(self, shape: tuple[int, int]) -> None:
        power = power_spectrum(white(shape, 0))
        assert power.shape == shape
        around = power[1 - shape[0] % 2 :, 1 - shape[1] % 2 :]
        np.testing.assert_allclose(around, around[::-1, ::-1], rtol=1e-4)

    def test_unlike_borders_write_no_cross(self) -> None:
        ramp = np.indices((200, 256))[0].astype(np.float32)
        plain = np.fft.fftshift(np.abs(np.fft.fft2(ramp - ramp.mean())) ** 2) / ramp.size
        assert power_spectrum(ramp)[20, 128] < 1e-5 * plain[20, 128]


class TestFourierRingCorrelation:
    @pytest.mark.parametrize("shape", SHAPES)
    def test_is_snr_over_one_plus_snr_at_every_frequency(self, shape: tuple[int, int]) -> None:
        signal = 6 * gaussian(white(shape, 0), 1)
        found = fourier_ring_correlation(signal + white(shape, 1), signal + white(shape, 2), PIXEL)
        snr = 36 * np.exp(-((2 * np.pi * found.frequencies * PIXEL) ** 2))
        chance = 1 / np.sqrt(found.counts / 2 * 0.7)
        assert np.all(np.abs(found.values - snr / (1 + snr)) < 5 * chance)
        assert found.values[5:15].mean() > 0.9

    def test_a_slope_that_both_share_correlates_nothing_fine(self) -> None:
        slope = np.add.outer(np.linspace(0, 500, 256), np.linspace(0, 900, 256)).astype(np.float32)
        found = fourier_ring_correlation(slope + white((256, 256), 1), slope + white((256, 256), 2), PIXEL)
        assert abs(np.average(found.values[40:], weights=found.counts[40:])) < 0.03

    def test_images_of_unlike_shape_are_refused(self) -> None:
        with pytest.raises(ValueError, match="one shape"):
            fourier_ring_correlation(white((64, 64), 0), white((64, 65), 0), PIXEL)

    @pytest.mark.skipif(not DATA.is_dir(), reason=f"real micrographs not found in {DATA}")
    def test_of_real_halves_shows_particles_the_first_zero_and_the_ring_of_water(self) -> None:
        folder = DATA / "k2_counting"
        even, odd = (micrographs.read(folder / f"k2_micrograph_{half}.mrc") for half in ("EVN", "ODD"))
        found = fourier_ring_correlation(even.data, odd.data, even.pixel_size or 0)

        def band(coarse: float, fine: float) -> float:
            inside = (found.frequencies > 1 / coarse) & (found.frequencies < 1 / fine)
            return float(np.average(found.values[inside], weights=found.counts[inside]))

        assert band(42, 35) == pytest.approx(0.26, abs=0.03)
        assert band(8.6, 8.0) == pytest.approx(0, abs=0.02)
        assert band(4.0, 3.7) == pytest.approx(0.11, abs=0.01)
        assert 0.01 < band(2.5, 1.8) < 0.02


class TestResolution:
    def test_is_read_between_rings(self) -> None:
        falling = profile(np.linspace(1, 0, 50))
        # the line 1 − (k − 1) / 49 meets 1 / 2 at ring 25.5
        assert resolution(falling, 0.5) == pytest.approx(100 / 25.5)

    def test_is_where_the_curve_falls_first(self) -> None:
        ripples = np.concatenate([np.linspace(0.9, -0.3, 25), np.linspace(-0.3, 0.6, 25)])
        assert resolution(profile(ripples)) == resolution(profile(ripples[:30]))

    def test_a_chance_dip_of_an_inner_ring_is_not_the_end(self) -> None:
        dip = [0.1, 0.9, 0.1, *[0.8] * 20, *[0.0] * 10]
        assert resolution(profile(dip, 100)) == pytest.approx(100 / 23, rel=0.1)

    def test_a_curve_that_never_falls_ends_at_nyquist(self) -> None:
        image = white((128, 128), 0)
        assert resolution(fourier_ring_correlation(image, 2 * image, PIXEL)) == pytest.approx(2 * PIXEL)

    @pytest.mark.parametrize("seed", range(10))
    def test_noise_alone_has_none(self, seed: int) -> None:
        even, odd = white((256, 256), 2 * seed), white((256, 256), 2 * seed + 1)
        assert resolution(fourier_ring_correlation(even, odd, PIXEL)) is None


class TestAutocorrelation:
    def test_of_noise_summed_over_three_pixels_is_a_triangle(self) -> None:
        noise = white((300, 402), 0)
        summed = noise[:, :-2] + noise[:, 1:-1] + noise[:, 2:]
        expected = np.zeros((7, 7))
        expected[3] = 0, 1 / 3, 2 / 3, 1, 2 / 3, 1 / 3, 0
        assert np.abs(autocorrelation(50 + summed, 3) - expected).max() < 0.02

    def test_opposite_borders_are_not_neighbors(self) -> None:
        image = gaussian(white((30, 40), 0), 2)
        image -= image.mean()
        expected = (image[:-5, 3:] * image[5:, :-3]).mean() / image.var()
        found = autocorrelation(image, 6)
        assert found[6 - 5, 6 + 3] == pytest.approx(expected, abs=1e-5)
        assert found[6 + 5, 6 - 3] == pytest.approx(expected, abs=1e-5)


class TestPhaseRandomized:
    @pytest.mark.parametrize("shape", [(128, 96), (127, 95)])
    def test_keeps_power_and_all_that_is_coarse(self, shape: tuple[int, int]) -> None:
        image = 20 + gaussian(white(shape, 0), 1)
        mixed = phase_randomized(image, PIXEL, 10, seed=1)
        before, after = np.fft.rfft2(image), np.fft.rfft2(mixed)
        np.testing.assert_allclose(np.abs(after), np.abs(before), atol=1e-5 * np.abs(before).max())
        coarse = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])) < PIXEL / 10
        np.testing.assert_allclose(after[coarse], before[coarse], atol=1e-5 * np.abs(before).max())
        fine = (after * before.conj())[~coarse]
        assert abs(fine.sum()) < 5 * np.sqrt((np.abs(fine) ** 2).sum())
        assert mixed.dtype == np.float32

    def test_the_seed_decides(self) -> None:
        image = white((64, 64), 0)
        one, same, other = (phase_randomized(image, PIXEL, 10, seed) for seed in (1, 1, 2))
        assert np.array_equal(one, same)
        assert not np.allclose(one, other)


def test_a_band_in_pixels_has_the_same_periods() -> None:
    assert Band(300, 30).in_pixels(3) == Band(100, 10)


def test_the_particle_band_is_called_by_its_periods() -> None:
    assert PARTICLES.name == "340–20 Å"
