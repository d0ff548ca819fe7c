from __future__ import annotations

import numpy as np

from cryoden.micrograph import Micrograph
from cryoden.simulate import Scene, clean, sample_pairs, simulated, transfer
from tests.cryoden.scenes import correlation

SMALL = Scene(edge=256, particles=8)


def test_samples_are_the_same_at_every_call() -> None:
    one, two = sample_pairs(), sample_pairs()
    assert [pair.name for pair in one] == ["sample1_EVN", "sample2_EVN"]
    for a, b in zip(one, two, strict=True):
        assert isinstance(a.even, Micrograph)
        assert isinstance(b.even, Micrograph)
        assert np.array_equal(a.even.data, b.even.data)


def test_halves_share_the_signal_and_not_the_noise() -> None:
    pair, truth = simulated(SMALL, "s"), clean(SMALL)
    even, odd = (half.window(0, 0, 256, 256) for half in (pair.even, pair.odd))
    expected = SMALL.dose / 2 * SMALL.pixel_size**2 * (1 + truth)
    assert correlation(even, odd) > 0.02
    assert abs(correlation(even - expected, odd - expected)) < 4 / 256


def test_counts_are_poisson_with_the_dose_as_mean() -> None:
    empty = simulated(Scene(edge=256, particles=0), "s").even.window(0, 0, 256, 256)
    dose = SMALL.dose / 2 * SMALL.pixel_size**2
    np.testing.assert_allclose((empty.mean(), empty.var()), (dose, dose), rtol=0.02)


def test_particles_are_dark_under_focus() -> None:
    truth = clean(Scene(edge=512, particles=20))
    low_pass = np.fft.irfft2(np.fft.rfft2(truth) * np.exp(-((np.fft.fftfreq(512)[:, None] * 60) ** 2)))
    assert -low_pass.min() > 1.5 * low_pass.max()


def test_the_first_zero_of_the_transfer_function_lies_where_theory_says() -> None:
    frequencies = np.linspace(0.001, 0.2, 20_000)
    zero = frequencies[np.nonzero(np.diff(np.sign(transfer(frequencies, 1.5))))[0][0]]
    # sin(π λ Δf k² + arcsin w) = 0 at the first zero, the spherical aberration left out
    expected = np.sqrt((np.pi - np.arcsin(0.07)) / (np.pi * 0.019687 * 15_000))
    np.testing.assert_allclose(zero, expected, rtol=0.01)
