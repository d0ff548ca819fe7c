from __future__ import annotations

import numpy as np
import pytest

from cryoden.errors import MicrographError
from cryoden.micrograph import Micrograph
from cryoden.picking.working_image import ACROSS, working_image
from tests.cryoden.picking.planted import DIAMETER, PIXEL, discs, micrograph


def test_a_particle_is_sixteen_working_pixels_wide() -> None:
    image = working_image(Micrograph(discs(shape=(800, 840)), 0.5, "fine"), DIAMETER, 0.5)
    assert image.diameter == pytest.approx(ACROSS, rel=0.02)
    assert image.pixel_size == pytest.approx(DIAMETER / ACROSS, rel=0.02)
    np.testing.assert_allclose(image.working(image.places(np.array([[3.0, 5.0]]))), [[3, 5]])


def test_places_at_both_ends_of_both_pixel_grids_are_the_same() -> None:
    image = working_image(micrograph(), DIAMETER, PIXEL)
    corner = np.array(image.pixels.shape) - 0.5
    np.testing.assert_allclose(image.places(np.array([[-0.5, -0.5], corner])), [[-0.5, -0.5], [399.5, 419.5]])


def test_centers_are_at_least_a_radius_from_the_border() -> None:
    image = working_image(micrograph(), DIAMETER, PIXEL)
    inside = np.argwhere(image.usable)
    margin = image.diameter / 2
    assert inside.min() >= margin - 1
    assert (inside.max(axis=0) <= np.array(image.pixels.shape) - margin).all()


def test_no_center_is_on_a_blank_stripe_or_near_it() -> None:
    pixels = discs()
    pixels[:, 300:] = 7.0
    image = working_image(Micrograph(pixels, PIXEL, "masked"), DIAMETER, PIXEL)
    last = image.places(np.argwhere(image.usable).astype(float)).max(axis=0)[1]
    assert 300 - DIAMETER / PIXEL / 2 - 6 < last <= 300 - DIAMETER / PIXEL / 2 + 2


def test_a_hot_pixel_does_not_become_a_particle() -> None:
    pixels = discs(noise=1.0)
    pixels[250, 250] = -10_000
    image = working_image(Micrograph(pixels, PIXEL, "hot"), DIAMETER, PIXEL)
    assert np.abs(image.pixels).max() < 6


def test_a_micrograph_without_contrast_is_refused() -> None:
    with pytest.raises(MicrographError, match="F25"):
        working_image(Micrograph(np.full((64, 64), 3, np.float32), PIXEL, "flat"), DIAMETER, PIXEL)
