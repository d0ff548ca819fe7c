from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from cryoden.denoising.contrast_sign import TURNED
from cryoden.denoising.denoise import Denoiser
from cryoden.events.batch import MicrographDenoised
from cryoden.formats import micrographs
from cryoden.micrograph import Micrograph, Pixels
from cryoden.model.checkpoint import Model, load
from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings
from cryoden.simulation.exposure import simulated
from cryoden.simulation.scene import Scene
from tests.cryoden.hostile import DATA


def denoised(micrograph: Micrograph, model: Model | None = None, **chosen: bool) -> Micrograph:
    settings = DenoisingSettings(device="cpu", ice_ring=False, **chosen)  # type: ignore[arg-type]  # flags
    *_, last = Denoiser(model or load(GENERAL), settings).denoise(micrograph)
    assert isinstance(last, MicrographDenoised)
    return last.micrograph


def negative(micrograph: Micrograph) -> Micrograph:
    return replace(micrograph, data=-micrograph.data)


@pytest.fixture(scope="module")
def dark() -> Micrograph:
    made = simulated(Scene(edge=512, pixel_size=2.0, particles=20, seed=3), "m").even
    return Micrograph(made.window(0, 0, 512, 512), 2.0, "m")


@pytest.fixture(scope="module")
def expected(dark: Micrograph) -> Pixels:
    return denoised(dark, auto_invert=False).data


def test_bright_particles_are_found_and_denoised_as_dark_ones_are(dark: Micrograph, expected: Pixels) -> None:
    bright = denoised(negative(dark))
    np.testing.assert_allclose(-bright.data, expected, atol=1e-3 * dark.data.std())
    assert TURNED in bright.warnings


def test_dark_particles_are_left_as_they_are(dark: Micrograph, expected: Pixels) -> None:
    result = denoised(dark)
    np.testing.assert_array_equal(result.data, expected)
    assert TURNED not in result.warnings


def test_who_asks_for_tiles_of_a_micrograph_turned_over_may_learn_meanwhile(dark: Micrograph) -> None:
    """That PyTorch is told to remember no gradients ends before each tile is handed on."""
    settings = DenoisingSettings(device="cpu", tile=128)
    for _ in Denoiser(load(GENERAL), settings).denoise(negative(dark)):
        assert not torch.is_inference_mode_enabled()


def test_the_user_says_that_particles_are_bright(dark: Micrograph, expected: Pixels) -> None:
    bright = denoised(negative(dark), invert=True)
    np.testing.assert_allclose(-bright.data, expected, atol=1e-3 * dark.data.std())
    assert TURNED not in bright.warnings


def test_a_model_of_ones_own_is_asked_for_no_other_sign(dark: Micrograph) -> None:
    general = load(GENERAL)
    own = replace(general, provenance=dict(general.provenance) | {"trained": "on bright particles"})
    result = denoised(negative(dark), own)
    assert TURNED not in result.warnings
    np.testing.assert_array_equal(result.data, denoised(negative(dark), own, auto_invert=False).data)


@pytest.mark.skipif(not DATA.is_dir(), reason=f"real micrographs not found in {DATA}")
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("apoferritin_pairs/May08_03.05.02_rest.mrc", True),
        pytest.param("apoferritin_pairs/May08_05.53.51_frame.mrc", True, marks=pytest.mark.long),
        ("contaminated_micrograph.mrc", False),  # its ice crystals look alike either way
    ],
)
def test_no_real_micrograph_is_turned_and_most_negatives_are(name: str, told: bool) -> None:
    recorded = micrographs.read(DATA / name)
    assert TURNED not in denoised(recorded).warnings
    assert (TURNED in denoised(negative(recorded)).warnings) is told


def test_what_is_almost_nothing_either_way_is_not_turned_over() -> None:
    rows, columns = np.fft.fftfreq(512)[:, None], np.fft.rfftfreq(512)
    waves = np.fft.rfft2(np.random.default_rng(5).normal(size=(512, 512))) * np.hypot(rows, columns)
    rising = np.fft.irfft2(waves).astype(np.float32)
    assert TURNED not in denoised(Micrograph(rising, 1.5, "m")).warnings
