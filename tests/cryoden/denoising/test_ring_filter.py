"""Gains for rings of spatial frequency."""

from __future__ import annotations

import numpy as np
import torch

from cryoden.denoising.ring_filter import oriented, quick, transfer


def test_a_wave_is_multiplied_by_the_gain_of_its_ring() -> None:
    response = torch.linspace(0, 1, 33)  # the gain is twice the frequency
    rows, columns = torch.arange(120)[:, None], torch.arange(90)
    wave = torch.cos(2 * torch.pi * (rows * 12 / 120 + columns * 9 / 90))  # both 1/10 cycle per px
    filtered = torch.fft.irfft2(torch.fft.rfft2(wave) * transfer(120, 90, response), s=(120, 90))
    torch.testing.assert_close(filtered, 2 * 0.1 * 2**0.5 * wave, atol=1e-4, rtol=0)


def test_quick_lengths_are_products_of_small_primes_and_no_longer_than_needed() -> None:
    assert [quick(length) for length in (1, 11, 97, 128, 1367)] == [1, 12, 98, 128, 1372]


def test_of_a_wave_of_any_direction_the_three_parts_have_one_amplitude() -> None:
    rows, columns = torch.arange(400)[:, None], torch.arange(360)
    for down, across in ((1 / 20, 0.0), (0.0, 1 / 20), (0.03, 0.04)):
        wave = torch.cos(2 * torch.pi * (rows * down + columns * across))
        parts = oriented(wave, np.ones(65))
        torch.testing.assert_close(parts[0], wave, atol=1e-4, rtol=0)
        inner = parts.square().sum(0)[150:-150, 150:-150]
        torch.testing.assert_close(inner, torch.ones_like(inner), atol=0.05, rtol=0)
