"""Network output and micrograph are combined as well as if the truth were known."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from cryoden.denoising import ice_ring, ring_gains
from cryoden.denoising.denoise import Denoiser
from cryoden.denoising.ring_covariances import usual
from cryoden.events.batch import MicrographDenoised
from cryoden.image.correlation import pearson
from cryoden.image.filters import low_passed
from cryoden.micrograph import Micrograph, Pixels
from cryoden.model.checkpoint import load
from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings
from cryoden.simulation.exposure import SimulatedExposure, exposed
from cryoden.simulation.scene import Scene

EDGE = 512
KINK = 0.05  # about the standard deviation of what it is applied to
Response = Callable[[Tensor], Tensor]


def frequency(edge: int) -> Tensor:
    return torch.hypot(torch.fft.fftfreq(edge)[:, None], torch.fft.rfftfreq(edge)[None])


def signal_at(frequencies: Tensor) -> Tensor:
    """Return the amplitude of the signals here, over white noise of 1, with rings as a CTF makes them."""
    rings = (1 + torch.cos(2 * math.pi * frequencies / 0.05)) / 2
    return 3 * torch.exp(-((frequencies / 0.08) ** 2)) * rings


def filtered(image: Tensor, gain: Response) -> Tensor:
    made: Tensor = torch.fft.irfft2(torch.fft.rfft2(image) * gain(frequency(image.shape[0])), s=image.shape)
    return made


def white(seed: int, edge: int = EDGE) -> Tensor:
    return torch.randn(edge, edge, generator=torch.Generator().manual_seed(seed))


def scene(blobs: bool, edge: int = EDGE) -> tuple[Tensor, Tensor]:
    """Return a signal, here and there or everywhere, and a noisy image of it."""
    field = white(1, edge) * (white(2, edge) > 2.2) * 6 if blobs else white(1, edge)
    signal = filtered(field, signal_at)
    return signal, signal + white(3, edge)


def noise_floor(power: float = 1.0) -> ring_gains.Floor:
    return lambda frequencies: np.full_like(frequencies, power)


def wiener(noisy: Tensor) -> Tensor:
    """Filter as one who knows the spectrum of a signal of `scene` would."""
    return filtered(noisy, lambda at: signal_at(at) ** 2 / (signal_at(at) ** 2 + 1))


def nothing(noisy: Tensor) -> Tensor:
    return torch.zeros_like(noisy)


def halved(noisy: Tensor) -> Tensor:
    return wiener(noisy) / 2


def kinked(noisy: Tensor) -> Tensor:
    """Show what stands out, half as strong as it is, and nothing of the finer half of the signal."""
    smooth = filtered(noisy, lambda at: signal_at(at) / (signal_at(at) ** 2 + 1) * (at < 0.05))
    return torch.sign(smooth) * torch.relu(smooth.abs() - KINK) / 2


def error(estimate: Tensor, signal: Tensor) -> float:
    inner = slice(64, -64)
    return float((estimate - signal)[inner, inner].square().mean())


def combined(noisy: Tensor, network: Response, power: float = 1.0) -> Tensor:
    output = network(noisy)
    weighed = ring_gains.combined(noisy, output, network, noise_floor(power))
    return output if weighed is None else weighed


@pytest.mark.parametrize("network", [nothing, halved, wiener, kinked])
def test_the_result_is_never_worse_than_the_best_linear_filter_or_the_network(
    network: Response,
) -> None:
    signal, noisy = scene(blobs=network is kinked)
    best = min(error(wiener(noisy), signal), error(network(noisy), signal))
    assert error(combined(noisy, network), signal) < 1.04 * best


def smoothed(noisy: Tensor) -> Tensor:
    return filtered(noisy, lambda at: torch.exp(-((at / 0.1) ** 2)))


@pytest.mark.parametrize("edge", [300, 1000])  # as a whole, and in blocks
def test_the_response_of_a_linear_filter_is_its_gain(edge: int) -> None:
    _, noisy = scene(blobs=False, edge=edge)
    frequencies, answer = ring_gains.response(noisy, smoothed(noisy), smoothed, usual(noisy))
    np.testing.assert_allclose(answer, np.exp(-((frequencies / 0.1) ** 2)), atol=0.03)


def only_strong(noisy: Tensor) -> Tensor:
    """Pass places of more than twice the power of the noise, and nothing elsewhere."""
    around = torch.nn.functional.avg_pool2d(noisy.square()[None, None], 15, stride=1, padding=7)[0, 0]
    return noisy * (around > 2)


def test_an_empty_border_does_not_make_the_response_look_weaker() -> None:
    noisy, inner = white(1, 1000), slice(170, -170)
    noisy[inner, inner] *= 3
    weight = torch.ones_like(noisy)
    _, answer = ring_gains.response(noisy, only_strong(noisy), only_strong, weight)
    assert answer[20:].mean() == pytest.approx(0.66**2, abs=0.06)


def test_a_crystal_that_a_network_passes_whole_does_not_hide_what_it_does_elsewhere() -> None:
    def passing_what_is_strong(noisy: Tensor) -> Tensor:
        return torch.where(noisy.abs() > 20, noisy, smoothed(noisy))

    _, noisy = scene(blobs=False)
    noisy[100:200, 150:250] += 60 * torch.sign(white(6)[100:200, 150:250])
    output = passing_what_is_strong(noisy)
    found = ring_gains.response(noisy, output, passing_what_is_strong, usual(noisy))
    expected = np.exp(-((found[0] / 0.1) ** 2))
    np.testing.assert_allclose(found[1], expected, atol=0.05)


def test_white_noise_stays_nearly_empty() -> None:
    noise = white(5)
    assert float(combined(noise, nothing).var()) < 0.01


def test_where_there_is_less_power_than_the_noise_is_said_to_have_the_network_is_left_alone() -> None:
    _, noisy = scene(blobs=True)
    torch.testing.assert_close(combined(noisy, kinked, power=8.0), kinked(noisy), atol=0, rtol=0)


def test_the_noise_of_an_enlarged_image_is_that_of_what_was_recorded() -> None:
    """Beyond the former Nyquist frequency there is nothing, which is no slope of the noise."""
    enlarged = filtered(white(7), lambda at: (at < 0.3).float())
    seen = ice_ring.spectrum(enlarged)
    assert seen is not None
    floor = ring_gains.floor(seen, 1.0, 1.0, 1.0)
    assert floor is not None
    np.testing.assert_allclose(floor(np.array([0.02, 0.1])), 1.0, rtol=0.1)


@pytest.mark.parametrize(("scale", "spread", "slope"), [(1.0, 1.0, 0.0), (2.0, 0.7, 0.0), (3.0, 1.0, -3.0)])
def test_the_noise_floor_is_that_of_the_working_pixels(scale: float, spread: float, slope: float) -> None:
    """Noise alone, a signal that ends at 12 Å does not count; where a detector blurs it, more is believed."""
    blurred = filtered(white(7), lambda at: torch.exp(slope * at**2))
    image = blurred + 5 * filtered(white(8), lambda at: (at < 1 / 12).float())
    seen = ice_ring.spectrum(image)
    assert seen is not None
    floor = ring_gains.floor(seen, 1.0, scale, spread)
    assert floor is not None
    frequencies = np.array([0.02, 0.1, 0.3])
    there = np.exp(2 * slope * (frequencies / scale) ** 2) / (scale * spread) ** 2
    unseen = np.maximum(2 * slope * ((frequencies / scale) ** 2 - 0.1**2), 0)  # coarser than 10 Å
    np.testing.assert_allclose(floor(frequencies), there * np.exp(ring_gains.DOUBT * unseen), rtol=0.06)


@pytest.fixture(scope="module")
def crowd() -> SimulatedExposure:
    """A field of particles at so low a dose that the network takes most of it for noise."""
    return exposed(Scene(edge=1280, pixel_size=1.5, particles=300, dose=1.0, ice=300.0, seed=11))


def denoised(pixels: Pixels, pixel_size: float, on: bool) -> Pixels:
    settings = DenoisingSettings(device="cpu", ice_ring=False, ring_gains=on)
    *_, last = Denoiser(load(GENERAL), settings).denoise(Micrograph(pixels, pixel_size, "m"))
    assert isinstance(last, MicrographDenoised)
    return last.micrograph.data


def test_a_faint_crowd_is_shown_at_least_as_a_low_pass_shows_it(crowd: SimulatedExposure) -> None:
    truth = crowd.clean - low_passed(crowd.clean, 1.5, 300)
    best = max(
        pearson(low_passed(crowd.even, 1.5, cut) - low_passed(crowd.even, 1.5, 300), truth)
        for cut in (20, 30, 40)
    )
    with_gains, without = (
        pearson(one - low_passed(one, 1.5, 300), truth)
        for one in (denoised(crowd.even, 1.5, on) for on in (True, False))
    )
    assert with_gains > max(best, without)


def test_a_micrograph_too_small_to_measure_is_left_to_the_network() -> None:
    noisy = 20 + white(9)[:200, :200].numpy()
    np.testing.assert_array_equal(denoised(noisy, 1.0, True), denoised(noisy, 1.0, False))
