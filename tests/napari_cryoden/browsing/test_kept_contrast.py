from __future__ import annotations

import numpy as np
import pytest

from napari_cryoden.browsing.kept_contrast import KeptContrast, median_and_deviation

NOISE = np.random.default_rng(5).normal(size=(300, 400)).astype(np.float32)


def test_what_the_user_has_set_suits_the_next_micrograph_of_another_scale() -> None:
    contrast = KeptContrast()
    contrast.limits(NOISE, (-3.0, 3.0))
    contrast.keep((-1.0, 2.0))
    low, high = contrast.limits(100 + 10 * NOISE, (0.0, 1.0))
    assert (low, high) == pytest.approx((90, 120), abs=0.01)


def test_an_ice_crystal_moves_no_limits() -> None:
    with_crystal = NOISE.copy()
    with_crystal[:40, :60] = 1e5
    contrast = KeptContrast()
    contrast.limits(NOISE, (-4.0, 4.0))
    contrast.keep((-3.0, 3.0))
    assert contrast.limits(with_crystal, (0.0, 1.0)) == pytest.approx((-3, 3), abs=0.15)


def test_each_micrograph_has_its_own_limits_until_the_user_has_set_some() -> None:
    contrast = KeptContrast()
    for own in ((-3.0, 3.0), (-8.0, 3.0)):
        assert contrast.limits(NOISE, own) == own
        contrast.keep(own)


def test_of_an_image_without_contrast_there_are_limits_all_the_same() -> None:
    assert median_and_deviation(np.full((50, 50), 7, np.float32)) == (7.0, 1.0)


def test_limits_of_what_is_passed_over_are_not_kept() -> None:
    contrast = KeptContrast()
    contrast.limits(NOISE, (-4.0, 4.0))
    contrast.keep((-3.0, 3.0))
    contrast.pass_over()
    contrast.keep((-1000.0, 1000.0))
    assert contrast.limits(NOISE, (0.0, 1.0)) == pytest.approx((-3, 3))
