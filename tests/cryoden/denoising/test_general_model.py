"""What the general model does with what real micrographs have and simulated ones seldom had."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cryoden.denoising.denoise import Denoiser
from cryoden.events.batch import MicrographDenoised
from cryoden.formats import micrographs
from cryoden.image.artifacts import checkerboard
from cryoden.image.correlation import pearson
from cryoden.image.filters import gaussian, low_passed
from cryoden.micrograph import Micrograph, Pixels
from cryoden.model.checkpoint import load
from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings
from cryoden.simulation.assemblies import AssemblyRecipe
from cryoden.simulation.exposure import SimulatedExposure, exposed
from cryoden.simulation.optics import Optics
from cryoden.simulation.scene import Scene
from tests.cryoden.hostile import DATA

WIDE = 60  # px: slopes that no particle is recognized by


def denoised(pixels: Pixels, pixel_size: float, model: Path = GENERAL) -> Pixels:
    settings = DenoisingSettings(device="cpu", ice_ring=False)
    *_, last = Denoiser(load(model), settings).denoise(Micrograph(pixels, pixel_size, "m"))
    assert isinstance(last, MicrographDenoised)
    return last.micrograph.data


def detail(image: Pixels) -> Pixels:
    return image - gaussian(image, WIDE)


@pytest.fixture(scope="module")
def sparse() -> SimulatedExposure:
    barrel = AssemblyRecipe("D7", 800, wall=35, seed=11)
    return exposed(
        Scene(edge=768, pixel_size=1.5, particles=14, recipes=(barrel,), optics=Optics(defocus=1.8), seed=21)
    )


@pytest.mark.parametrize("width", [25, 50])
def test_a_background_three_times_as_strong_as_the_particles_hides_hardly_any(
    sparse: SimulatedExposure, width: int
) -> None:
    field = gaussian(np.random.default_rng(5).standard_normal(sparse.even.shape, np.float32), width)
    field *= 3 * sparse.clean.std() / field.std()
    alone = pearson(detail(denoised(sparse.even, 1.5)), detail(sparse.clean))
    behind = pearson(detail(denoised(sparse.even + field, 1.5) - field), detail(sparse.clean))
    assert behind > 0.85 * alone


def test_a_crowd_in_a_single_frame_is_not_left_away() -> None:
    shells = AssemblyRecipe("O", 440, wall=25, seed=11)
    frame = exposed(
        Scene(edge=768, pixel_size=1.5, particles=90, packed=True, recipes=(shells,), dose=4.0, seed=21)
    )
    linear = max(
        pearson(detail(low_passed(frame.even, 1.5, cut)), detail(frame.clean)) for cut in (20, 30, 40)
    )
    assert pearson(detail(denoised(frame.even, 1.5)), detail(frame.clean)) > linear


@pytest.mark.skipif(not DATA.is_dir(), reason=f"real micrographs not found in {DATA}")
def test_a_real_frame_at_half_the_working_pixel_is_denoised_without_a_checkerboard() -> None:
    frame = micrographs.read(DATA / "apoferritin_pairs/May08_03.05.02_frame.mrc")
    assert frame.pixel_size == 1.5
    assert checkerboard(denoised(frame.data, frame.pixel_size), 2) < 1.5
