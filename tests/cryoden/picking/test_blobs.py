from __future__ import annotations

import numpy as np
import pytest

from cryoden.picking.blobs import blob_response, is_bright, skewness
from cryoden.picking.working_image import working_image
from tests.cryoden.picking.planted import DIAMETER, PIXEL, PLACES, micrograph


@pytest.mark.parametrize("width", [0.6, 1.0, 1.4])
def test_discs_answer_most_at_their_own_diameter(width: float) -> None:
    image = working_image(micrograph(noise=0.3), DIAMETER, PIXEL)
    at = tuple(np.rint(image.working(PLACES)).astype(int).T)
    own = blob_response(image, 1.0)[at].mean()
    other = working_image(micrograph(noise=0.3), DIAMETER * width, PIXEL)
    there = tuple(np.rint(other.working(PLACES)).astype(int).T)
    assert blob_response(other, 1.0)[there].mean() <= own * 1.02


def test_where_particles_differ_in_size_the_best_scale_counts() -> None:
    image = working_image(micrograph(noise=0.3), DIAMETER / 2, PIXEL)
    at = tuple(np.rint(image.working(PLACES)).astype(int).T)
    assert blob_response(image, 2.0)[at].mean() > 1.2 * blob_response(image, 1.0)[at].mean()


def test_which_contrast_particles_have_is_seen() -> None:
    image = working_image(micrograph(noise=1.0), DIAMETER, PIXEL)
    negative = micrograph(noise=1.0)
    negative.data[:] *= -1
    assert not is_bright(image)
    assert is_bright(working_image(negative, DIAMETER, PIXEL))


def test_a_distribution_with_a_tail_to_the_right_has_a_positive_skewness() -> None:
    values = np.random.default_rng(0).exponential(1, 200_000).astype(np.float32)
    assert skewness(values) == pytest.approx(2, abs=0.1)
    assert skewness(np.ones(5, np.float32)) == 0
