from __future__ import annotations

import numpy as np
import pytest

from cryoden.evaluation.bands import BANDS, agreement_by_band, blocks
from cryoden.image.filters import low_passed
from cryoden.image.spectra import PARTICLES, Band
from cryoden.micrograph import Pixels


def noise(seed: int, edge: int = 600) -> Pixels:
    return np.random.default_rng(seed).standard_normal((edge, edge), np.float32)


def test_each_band_has_the_correlation_of_its_own_signal_to_noise_ratio() -> None:
    signal = 3 * low_passed(noise(1), 1.5, 30.0)  # strong where coarse, absent where fine
    found = agreement_by_band(signal + noise(2), signal + noise(3), 1.5).correlation
    assert found[0] > 0.5
    assert (np.diff(found[:4]) < 0).all()
    assert abs(found[BANDS.index(Band(14, 7))]) < 0.02


def test_no_linear_filter_changes_the_correlation_of_a_narrow_band() -> None:
    signal = low_passed(noise(1), 1.5, 20.0)
    one, other = signal + noise(2), signal + noise(3)
    band = [Band(40.0, 38.0)]
    raw, smooth = (
        agreement_by_band(x, other, 1.5, band).correlation for x in (one, low_passed(one, 1.5, 60))
    )
    np.testing.assert_allclose(raw, smooth, atol=0.03)


def test_the_slope_is_one_for_an_honest_estimate_and_less_for_a_picture_that_promises_more() -> None:
    signal = 2 * low_passed(noise(1), 1.5, 30.0)
    raw = signal + noise(2)
    honest, promising = (
        agreement_by_band(image, signal + noise(3), 1.5, [PARTICLES]).slope[0] for image in (signal, raw)
    )
    assert honest == pytest.approx(1, abs=0.05)
    assert promising < 0.8


def test_of_an_empty_image_there_is_no_correlation_and_no_slope() -> None:
    found = agreement_by_band(np.zeros((64, 64), np.float32), noise(1, 64), 3.0)
    assert not found.correlation.any()
    assert np.isnan(found.slope).all()


def test_blocks_are_whole_and_cover_the_image() -> None:
    image = noise(1)[:500, :310]
    found = blocks(image, 200)
    assert [block.shape for block in found] == [(250, 310)] * 2
    np.testing.assert_array_equal(np.concatenate(found), image)
