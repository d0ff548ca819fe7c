"""Where the picture is sure of itself it is right, as often as it says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from cryoden.denoising.confidence import COARSE, FINE, confidence
from cryoden.denoising.denoise import Denoiser
from cryoden.events.batch import MicrographDenoised
from cryoden.image.filters import low_passed
from cryoden.micrograph import Array, Micrograph, Pixels
from cryoden.model.checkpoint import load
from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings
from cryoden.simulation.exposure import exposed
from cryoden.simulation.scene import Scene

WITH_IT = DenoisingSettings(device="cpu", ice_ring=False, confidence=True)


def band(pixels: Pixels, pixel_size: float) -> Pixels:
    return low_passed(pixels, pixel_size, FINE) - low_passed(pixels, pixel_size, COARSE)


def denoised(micrograph: Micrograph, settings: DenoisingSettings = WITH_IT) -> MicrographDenoised:
    *_, last = Denoiser(load(GENERAL), settings).denoise(micrograph)
    assert isinstance(last, MicrographDenoised)
    return last


def said_and_right(sure: Pixels, shown: Pixels, truth: Pixels) -> tuple[Array, Array]:
    """Return in eighths of the area, ordered by confidence, what is said and what is right."""
    inner = slice(100, -100)
    order = np.argsort(sure[inner, inner], axis=None)
    right = (np.sign(shown) == np.sign(truth))[inner, inner].ravel()[order]
    said = sure[inner, inner].ravel()[order]
    return tuple(np.array([part.mean() for part in np.array_split(one, 8)]) for one in (said, right))  # type: ignore[return-value]  # of two


def test_for_a_known_error_the_sign_is_right_as_often_as_is_said() -> None:
    """Signal and error are random fields; the estimate is what is left of both."""
    draw = np.random.default_rng(1)
    signal, noise = (low_passed(draw.standard_normal((600, 600), np.float32), 3.0, 80) for _ in range(2))
    share = 0.5  # of the variance that is signal, so much is shown of the sum
    shown = share * (signal + noise)
    frequencies = np.linspace(0, 0.5, 513)
    power = np.exp(-2 * (2 * np.pi * 0.1874 * 80 / 3 * frequencies) ** 2 / 2)  # of either
    sure = confidence(torch.from_numpy(shown), share * power, 3.0).numpy()
    said, right = said_and_right(sure, band(shown, 3.0), band(signal, 3.0))
    np.testing.assert_allclose(said, right, atol=0.05)


@pytest.mark.parametrize(
    "scene",
    [
        Scene(edge=1280, pixel_size=1.2, particles=120, dose=40, seed=5),
        Scene(edge=1280, pixel_size=1.5, particles=250, dose=2, seed=6),
        Scene(edge=1280, pixel_size=1.0, particles=30, dose=20, seed=7),
    ],
    ids=["usual", "crowded and faint", "sparse"],
)
def test_on_micrographs_never_seen_no_more_is_said_than_is_right(scene: Scene) -> None:
    """Where particles are sparse, less is said of where the error is smaller than elsewhere."""
    exposure = exposed(scene)
    found = denoised(Micrograph(exposure.even, scene.pixel_size, "m"))
    assert found.confidence is not None
    truth = exposure.clean_with_ice
    bands = (band(pixels, scene.pixel_size) for pixels in (found.micrograph.data, truth))
    said, right = said_and_right(found.confidence.data, *bands)
    assert (said - right).max() < 0.06
    assert np.mean(np.abs(said - right)) < 0.09
    assert right[-1] > 0.95


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
