"""The grain of ice is passed on where a micrograph shows it, and nothing where it does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from cryoden.denoising import ice_ring, ring_filter
from cryoden.denoising.denoise import Denoiser
from cryoden.events.batch import MicrographDenoised
from cryoden.image.correlation import pearson
from cryoden.image.fourier_rings import cross_power
from cryoden.image.normalization import Normalization, measure
from cryoden.kernels.image_passes import gray_scale
from cryoden.micrograph import Array, Micrograph, Pixels
from cryoden.model.checkpoint import load
from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings
from cryoden.simulation.exposure import SimulatedExposure, exposed
from cryoden.simulation.scene import Scene
from tests.cryoden.kernels.emulated_passes import compiled

PIXEL = 0.9
EMPTY = Scene(edge=1280, pixel_size=PIXEL, particles=0, ice=500.0, slope=0.0, seed=3)


@pytest.fixture(scope="module")
def ice() -> SimulatedExposure:
    return exposed(EMPTY)


def white(edge: int = 1024) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(5).standard_normal((edge, edge), np.float32))


def gains(pixels: Pixels | torch.Tensor, pixel_size: float = PIXEL) -> Array | None:
    seen = ice_ring.spectrum(torch.as_tensor(pixels))
    return None if seen is None else ice_ring.gains(seen, pixel_size)


def denoised(pixels: Pixels, settings: DenoisingSettings) -> Pixels:
    *_, last = Denoiser(load(GENERAL), settings).denoise(Micrograph(pixels, PIXEL, "ice"))
    assert isinstance(last, MicrographDenoised)
    return last.micrograph.data


def test_the_strength_of_the_ring_is_read_off_one_half_and_not_overrated(ice: SimulatedExposure) -> None:
    found = gains(ice.even)
    assert found is not None
    shared = cross_power([ice.clean_with_ice], PIXEL)
    near = np.abs(1 / shared.frequencies - 3.77) < 0.25
    snr = shared.power[0, 0][near].mean() / ice.even.mean()  # Poisson noise: the mean
    lengths = ice_ring.EDGE * PIXEL / np.arange(1, len(found))
    claimed = found[1:][np.abs(lengths - 3.77) < 0.25].mean()
    deserved = snr / (snr + 1 + ice_ring.CAUTION)
    assert 0.6 * deserved < claimed < 1.1 * deserved  # a little is taken for the noise's own slope


def test_nothing_is_passed_outside_the_ring(ice: SimulatedExposure) -> None:
    found = gains(ice.even)
    assert found is not None
    lengths = ice_ring.EDGE * PIXEL / np.arange(1, len(found))
    outside = (lengths > 5.6) | (lengths < 2.9)
    assert not found[1:][outside].any()


@pytest.mark.parametrize("slope", [0.0, 0.5])
def test_noise_without_ice_has_no_ring(slope: float) -> None:
    image = white()
    frequency = torch.hypot(torch.fft.fftfreq(1024)[:, None], torch.fft.rfftfreq(1024)[None])
    colored = torch.fft.irfft2(torch.fft.rfft2(image) * torch.exp(-slope * frequency * 4))
    assert gains(colored) is None


@pytest.mark.parametrize(("edge", "pixel_size"), [(1024, 1.8), (200, PIXEL)])
def test_where_no_ring_can_be_seen_none_is_claimed(
    ice: SimulatedExposure, edge: int, pixel_size: float
) -> None:
    assert gains(ice.even[:edge, :edge], pixel_size) is None


def test_what_is_passed_is_what_the_filter_says_across_bands_and_borders() -> None:
    """A wave within the ring comes back multiplied by its gain, also where two bands of rows meet."""
    rows = torch.arange(1500)[:, None]
    wave = torch.cos(2 * torch.pi * rows * 64 / ice_ring.EDGE).expand(1500, 300).contiguous()
    response = np.zeros(ice_ring.EDGE // 2 + 1)
    response[56:73] = 0.25 * np.hanning(17)
    gray = replace(measure(Micrograph(wave.numpy(), PIXEL, "wave")), mean=0.0, std=1.0)
    found = ice_ring.restored(torch.zeros_like(wave), wave, gray, response)
    inner = slice(80, -80)
    torch.testing.assert_close(found[inner, inner], 0.25 * wave[inner, inner], atol=0.01, rtol=0)


def test_by_the_kernels_of_a_gpu_every_band_is_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw, signal = 50 + 3 * white()[:500, :140].contiguous(), 0.3 * white()[500:1000, :140].contiguous()
    gray = Normalization(50.0, 3.0)
    response = torch.from_numpy(np.linspace(0, 0.5, ice_ring.EDGE // 2 + 1)).float()
    monkeypatch.setitem(ice_ring.ROWS, "cpu", 200)  # three bands
    wanted = gray.undo(ice_ring.restored(signal, raw, gray, response))
    emulated = compiled()
    monkeypatch.setattr(ring_filter, "passes_for", lambda _: emulated)
    scale = gray_scale(torch.tensor(50.0), torch.tensor(3.0))
    found, told = ice_ring.restored_by(emulated, signal, raw, scale, response)
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=0)
    variance, mean = torch.var_mean(found.double(), correction=0)
    assert told.tolist() == pytest.approx([float(one) for one in (found.min(), found.max(), mean, variance)])


def test_passing_the_ring_on_brings_a_half_nearer_to_the_other(ice: SimulatedExposure) -> None:
    with_ring, without = (
        pearson(denoised(ice.even, DenoisingSettings(ice_ring=on)), ice.odd) for on in (True, False)
    )
    assert with_ring > 2 * without > 0


def test_pure_noise_gets_no_grain() -> None:
    noise = 30 + 5 * white().numpy()
    with_ring, without = (denoised(noise, DenoisingSettings(ice_ring=on)) for on in (True, False))
    np.testing.assert_array_equal(with_ring, without)
