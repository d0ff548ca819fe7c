"""Where the picture is sure of itself it is right, as often as it says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from cryoden.denoising.confidence import confidence, shared, structure
from cryoden.denoising.denoise import Denoiser
from cryoden.events.batch import MicrographDenoised
from cryoden.micrograph import Array, Micrograph, Pixels
from cryoden.model.checkpoint import load
from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings
from cryoden.simulation.exposure import exposed
from cryoden.simulation.scene import Scene

WITH_IT = DenoisingSettings(device="cpu", ice_ring=False, confidence=True)


def denoised(micrograph: Micrograph, settings: DenoisingSettings = WITH_IT) -> MicrographDenoised:
    *_, last = Denoiser(load(GENERAL), settings).denoise(micrograph)
    assert isinstance(last, MicrographDenoised)
    return last


def said_and_right(sure: Pixels, agreement: Tensor) -> tuple[Array, Array]:
    """Return in eighths of the area, ordered by confidence, what is said and what is right."""
    inner = slice(100, -100)
    order = np.argsort(sure[inner, inner], axis=None)
    said, right = (
        np.asarray(values)[inner, inner].ravel()[order].astype(np.float64) for values in (sure, agreement > 0)
    )
    first, second = (
        np.array([part.mean() for part in np.array_split(values, 8)]) for values in (said, right)
    )
    return first, second


def on(scene: Scene) -> tuple[Array, Array]:
    """Return what is said and what is right of a half of a simulated exposure."""
    exposure = exposed(scene)
    found = denoised(Micrograph(exposure.even, scene.pixel_size, "m"))
    assert found.confidence is not None
    shown, truth = (
        structure(torch.from_numpy(each - each.mean()), scene.pixel_size)
        for each in (found.micrograph.data, exposure.clean_with_ice)
    )
    return said_and_right(found.confidence.data, shared(shown, truth, scene.pixel_size))


@pytest.mark.parametrize(
    "scene",
    [
        Scene(edge=1280, pixel_size=1.2, particles=120, dose=40, seed=5),
        Scene(edge=1280, pixel_size=1.5, particles=250, dose=2, seed=6),
        pytest.param(Scene(edge=1280, pixel_size=1.0, particles=30, dose=20, seed=7), marks=pytest.mark.long),
        Scene(edge=1280, pixel_size=1.5, particles=12, dose=20, seed=8),
        Scene(edge=1280, pixel_size=1.5, particles=0, dose=20, seed=9),
    ],
    ids=["usual", "crowded and faint", "few", "hardly any", "empty"],
)
def test_on_micrographs_never_seen_it_is_right_as_often_as_it_says(scene: Scene) -> None:
    said, right = on(scene)
    assert np.mean(np.abs(said - right)) < 0.05
    assert right[-1] > 0.95 or not scene.particles


def test_it_is_sure_of_particles_and_not_of_the_ice_between_them() -> None:
    said, _ = on(Scene(edge=1280, pixel_size=1.5, particles=12, dose=20, seed=8))
    assert said[0] < 0.6
    assert said[-1] > 0.95


def test_of_noise_alone_hardly_more_is_said_than_a_guess() -> None:
    noise = 50 + np.random.default_rng(2).standard_normal((1024, 1024), np.float32)
    found = denoised(Micrograph(noise, 1.5, "m"))
    assert found.confidence is not None
    assert found.confidence.data.mean() < 0.6
    assert found.confidence.data.max() < 0.75


def test_it_is_the_same_on_the_crests_of_a_wave_and_between_them() -> None:
    rows = torch.arange(600)[:, None].expand(600, 600)
    wave = 0.02 * torch.cos(2 * torch.pi * rows / 30)  # 90 Å
    sure = confidence(wave, np.ones_like, 3.0)[100:-100, 100:-100]
    assert sure.min() > 0.6
    assert sure.max() - sure.min() < 0.01


def test_a_picture_that_is_right_agrees_and_its_negative_does_not() -> None:
    picture = torch.from_numpy(np.random.default_rng(1).standard_normal((300, 300), np.float32))
    shown = structure(picture, 3.0)
    assert (shared(shown, shown, 3.0) > 0).all()
    assert (shared(shown, structure(-picture, 3.0), 3.0) < 0).all()


def test_it_is_a_map_like_the_micrograph_and_changes_nothing_in_it() -> None:
    exposure = exposed(Scene(edge=512, pixel_size=1.5, particles=20, seed=3))
    raw = Micrograph(exposure.even, 1.5, "m")
    found = denoised(raw)
    assert found.confidence is not None
    assert found.confidence.data.shape == raw.shape
    assert found.confidence.data.min() >= 0.5
    assert found.confidence.data.max() <= 1
    without = denoised(raw, replace(WITH_IT, confidence=False))
    assert without.confidence is None
    np.testing.assert_array_equal(found.micrograph.data, without.micrograph.data)


@pytest.mark.parametrize("settings", [replace(WITH_IT, ring_gains=False), WITH_IT])
def test_where_it_cannot_be_known_a_warning_says_so(settings: DenoisingSettings) -> None:
    edge = 512 if not settings.ring_gains else 200
    noise = 50 + np.random.default_rng(0).standard_normal((edge, edge), np.float32)
    found = denoised(Micrograph(noise, 1.5, "m"), settings)
    assert found.confidence is None
    assert any(warning.text.startswith("no confidence") for warning in found.micrograph.warnings)
