from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from cryoden.denoising.denoise import Denoiser
from cryoden.denoising.ring_gains import Floor
from cryoden.denoising.signal_ratios import FAINTEST, ratios
from cryoden.micrograph import Micrograph
from cryoden.model.checkpoint import load
from cryoden.model.conditioning import BANDS, unknown
from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings

EDGE, PIXEL = 512, 3.0


def white(level: float) -> Tensor:
    return torch.from_numpy(np.random.default_rng(0).normal(0, level**0.5, (EDGE, EDGE)).astype(np.float32))


def flat(level: float) -> Floor:
    return lambda frequencies: np.full(frequencies.shape, level)


def band_limited(coarse: float, fine: float, power: float) -> Tensor:
    """Return noise of so much power per coefficient between two lengths in Å."""
    waves = torch.fft.rfft2(white(power).clone())
    frequency = torch.hypot(torch.fft.fftfreq(EDGE)[:, None], torch.fft.rfftfreq(EDGE)[None]) / PIXEL
    kept: Tensor = waves * ((frequency > 1 / coarse) & (frequency <= 1 / fine))
    found: Tensor = torch.fft.irfft2(kept, s=(EDGE, EDGE))
    return found


def test_signal_over_noise_is_found_in_the_band_where_it_is() -> None:
    noisy = white(1.0).flip(0) + band_limited(42, 32, 3.0)
    found = ratios(noisy, flat(1.0), PIXEL)
    band = BANDS.index(42)
    assert found[band] == pytest.approx(np.log10(3) + 1, abs=0.15)
    assert (found[: band - 2] < found[band] - 0.7).all()
    assert (found[band + 3 : -1] < found[band] - 0.7).all()


def test_white_noise_alone_has_no_signal_in_fine_bands() -> None:
    found = ratios(white(2.0), flat(2.0), PIXEL)
    assert (found[BANDS.index(56) : -1] < np.log10(0.06) + 1).all()
    assert (found[:-1] >= np.log10(FAINTEST) + 1).all()


def test_the_unit_of_gray_does_not_matter() -> None:
    noisy = white(1.0).flip(0) + band_limited(200, 32, 0.5)
    np.testing.assert_allclose(
        ratios(noisy, flat(1.0), PIXEL), ratios(3 * noisy, flat(9.0), PIXEL), atol=1e-4
    )


def test_nothing_is_known_without_the_noise_or_of_a_tiny_image() -> None:
    assert np.array_equal(ratios(white(1.0), None, PIXEL), unknown())
    assert np.array_equal(ratios(white(1.0)[:40, :40], flat(1.0), PIXEL), unknown())
    assert ratios(white(1.0), flat(1.0), PIXEL)[-1] == 1


def test_bands_in_which_nothing_was_recorded_say_nothing() -> None:
    found = ratios(white(1.0), lambda f: np.where(f > 0.1, 0.0, 1.0), PIXEL)
    assert found[BANDS.index(25)] == pytest.approx(np.log10(FAINTEST) + 1)


def test_bands_of_which_a_small_micrograph_has_no_wave_are_as_their_neighbors() -> None:
    noisy = white(1.0).flip(0) + band_limited(10_000, 32, 10.0)
    whole = ratios(noisy, flat(1.0), PIXEL)
    for edge in (200, 140, 90):  # 600 to 270 Å
        part = ratios(noisy[:edge, :edge], flat(1.0), PIXEL)
        assert np.abs(part - whole)[: BANDS.index(42)].max() < 0.3


def test_nothing_is_known_of_an_image_smaller_than_the_finest_band_and_bands_beyond_nyquist_are_empty() -> (
    None
):
    assert np.array_equal(ratios(white(1.0)[:64, :64], flat(1.0), 0.1), unknown())
    coarse = ratios(white(1.0).flip(0) + band_limited(10_000, 3, 10.0), flat(1.0), 4 * PIXEL)
    assert coarse[BANDS.index(19)] == pytest.approx(np.log10(FAINTEST) + 1)
    assert coarse[BANDS.index(100)] > 1.5


def test_the_noise_of_a_detector_that_blurs_it_is_not_taken_for_more_than_it_is() -> None:
    """Ring gains doubt how such noise continues to low frequencies; the network learned from the truth."""
    edge, pixel, ratio = 1024, 1.5, 0.5
    frequency = torch.hypot(torch.fft.fftfreq(edge)[:, None], torch.fft.rfftfreq(edge)[None])
    blur = torch.exp(-((frequency / 0.5) ** 2) * 1.6)
    drawn = (torch.randn(edge, edge, generator=torch.Generator().manual_seed(seed)) for seed in range(2))
    noise, signal = (torch.fft.rfft2(image) for image in drawn)
    shown = (frequency / pixel > 1 / 60) & (frequency / pixel < 1 / 25)
    noisy = torch.fft.irfft2(blur * (noise + ratio**0.5 * shown * signal), s=(edge, edge))
    denoiser = Denoiser(load(GENERAL), DenoisingSettings(device="cpu"))
    found = denoiser.known(Micrograph(noisy.numpy(), pixel, "blurred"))
    assert found[BANDS.index(42)] == pytest.approx(np.log10(ratio) + 1, abs=0.1)
    assert found[BANDS.index(19)] < np.log10(0.1) + 1
