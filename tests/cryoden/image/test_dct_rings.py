from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from cryoden.image.dct_rings import Rings, RingStatistics, gaussian
from cryoden.image.spectra import Band

EDGE, MANY = 64, 24
RINGS = Rings(EDGE)
Images = NDArray[np.float64]


def white(seed: int) -> Images:
    return np.random.default_rng(seed).normal(size=(MANY, 1, EDGE, EDGE))


def tensor(images: Images) -> Tensor:
    return torch.from_numpy(images.astype(np.float32))


def compared(noisy: Images, target: Images) -> RingStatistics:
    return RINGS.compare((tensor(a[None]), tensor(b[None])) for a, b in zip(noisy, target, strict=True))


def mirrored(images: Images, sigma: float) -> Images:
    """Blur images continued by their mirror image, by Fourier transform: another way to the same."""
    twice = np.concatenate([images, images[..., ::-1, :]], axis=-2)
    twice = np.concatenate([twice, twice[..., ::-1]], axis=-1)
    f = np.fft.fftfreq(2 * EDGE)
    blur = np.exp(-2 * (np.pi * sigma * np.hypot(f[:, None], f)) ** 2)
    return np.asarray(np.fft.ifft2(np.fft.fft2(twice) * blur).real[..., :EDGE, :EDGE])


def test_the_transform_keeps_squares_and_products() -> None:
    a, b = white(1), white(2) + 0.5
    found = compared(a, b)
    assert found.counts.sum() == a.size
    assert found.noisy.sum() == pytest.approx((a * a).sum(), rel=1e-5)
    assert found.shared.sum() == pytest.approx((a * b).sum(), abs=1e-5 * a.size)
    assert found.loss(1.0) == pytest.approx(np.square(a - b).mean(), rel=1e-5)
    assert found.loss(0.0) == pytest.approx(np.square(b).mean(), rel=1e-5)


def test_the_loss_of_a_filter_is_that_of_the_filtered_image() -> None:
    scene = mirrored(white(3), 2) * 5
    noisy, target = scene + white(4), scene + white(5)
    found = compared(noisy, target)
    told = found.loss(gaussian(found.frequencies, 1.5))
    assert told == pytest.approx(np.square(mirrored(noisy, 1.5) - target).mean(), rel=2e-3)


def test_no_gain_of_a_ring_beats_wieners() -> None:
    scene = mirrored(white(6), 2) * 5
    found = compared(scene + white(7), scene + white(8))
    best = found.wiener()
    assert found.loss(best) < found.loss(gaussian(found.frequencies, found.best_sigma())) < found.loss(0.0)
    for ring in (1, 5, 20):
        for step in (-0.1, 0.1):
            moved = best.copy()
            moved[ring] += step
            assert found.loss(moved) > found.loss(best)


def test_the_best_gaussian_is_the_one_the_target_was_blurred_with() -> None:
    sharp = white(9)
    assert compared(sharp, mirrored(sharp, 3)).best_sigma() == pytest.approx(3, rel=0.05)


def test_white_signal_in_white_noise_correlates_by_its_share() -> None:
    signal = white(10)
    found = compared(signal + 2 * white(11), signal + 2 * white(12))
    np.testing.assert_allclose(found.correlation[3:30], 0.2, atol=0.08)
    assert found.mean_correlation() == pytest.approx(0.2, abs=0.01)
    assert found.finest() == pytest.approx(0.2, abs=0.02)


def test_independent_noise_shares_nothing_beyond_its_standard_error() -> None:
    chance = []
    for seed in range(40):
        smooth = mirrored(white(100 + seed), 1), mirrored(white(200 + seed), 1)
        found = compared(*(s[:4] for s in smooth))
        chance.append(found.shared.sum() / found.counts.sum() / found.error)
    assert np.std(chance) == pytest.approx(1, abs=0.3)


def test_the_resolution_is_where_the_signal_ends() -> None:
    f = np.fft.fftfreq(2 * EDGE)
    coarse = np.hypot(f[:, None], f) < 1 / 8
    twice = np.concatenate([white(13), white(13)[..., ::-1, :]], axis=-2)
    twice = np.concatenate([twice, twice[..., ::-1]], axis=-1)
    signal = np.fft.ifft2(np.fft.fft2(twice) * coarse).real[..., :EDGE, :EDGE]
    assert compared(signal + white(14), signal + white(15)).resolution() == pytest.approx(8, rel=0.15)
    assert compared(white(14), white(15)).resolution() is None
    assert compared(white(14), white(14)).resolution() == 2.0


def passed(images: Images, band: Band) -> Images:
    """Leave one band of images continued by their mirror image, by Fourier transform."""
    twice = np.concatenate([images, images[..., ::-1, :]], axis=-2)
    twice = np.concatenate([twice, twice[..., ::-1]], axis=-1)
    f = np.fft.fftfreq(2 * EDGE)
    rings = np.rint(np.hypot(f[:, None], f) * EDGE) / EDGE
    inside = (rings >= 1 / band.coarse) & (rings < 1 / band.fine)
    return np.asarray(np.fft.ifft2(np.fft.fft2(twice) * inside).real[..., :EDGE, :EDGE])


def test_the_correlation_in_a_band_is_that_of_the_images_cut_to_it() -> None:
    scene, band = mirrored(white(15), 2) * 3, Band(32, 5)
    noisy, target = scene + white(16), scene + white(17)
    a, b = passed(noisy, band).ravel(), passed(target, band).ravel()
    assert compared(noisy, target).in_band(band) == pytest.approx(np.corrcoef(a, b)[0, 1], abs=0.01)


def test_the_correlation_of_a_filter_in_a_band_is_that_of_the_filtered_image() -> None:
    scene, band = mirrored(white(15), 2) * 3, Band(32, 5)
    noisy, target = scene + white(16), scene + white(17)
    found, blurred = compared(noisy, target), compared(mirrored(noisy, 2), target)
    of_filter = found.in_band(band, gaussian(found.frequencies, 2))
    assert of_filter == pytest.approx(blurred.in_band(band), abs=0.01)
    assert of_filter != pytest.approx(found.in_band(band), abs=0.02)


def test_a_band_without_a_ring_has_no_correlation() -> None:
    assert compared(white(1), white(2)).in_band(Band(1000, 70)) is None
    assert compared(white(1), white(2)).in_band(Band(1.9, 1.2)) is None


def test_what_is_empty_in_a_band_correlates_by_0_and_what_is_beyond_numbers_not_at_all() -> None:
    empty, mad = np.zeros_like(white(1)), white(1) * 1e30
    assert compared(empty, white(2)).in_band(Band(32, 5)) == 0
    assert compared(mad, white(2)).in_band(Band(32, 5)) is None


def test_statistics_of_two_sets_add_up_to_those_of_both() -> None:
    a, b = white(18), white(19)
    halves = compared(a[:10], b[:10]) + compared(a[10:], b[10:])
    whole = compared(a, b)
    assert halves.loss(1.0) == pytest.approx(whole.loss(1.0), rel=1e-9)
    assert halves.counts.tolist() == whole.counts.tolist()
