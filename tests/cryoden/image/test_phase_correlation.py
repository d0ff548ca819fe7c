from __future__ import annotations

import numpy as np
import pytest

from cryoden.image.phase_correlation import phase_correlation
from tests.cryoden.scenes import scene


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(256, 256), (255, 300)])
def test_the_peak_stands_at_the_shift_whatever_the_gray_scales(shape: tuple[int, int], dtype: type) -> None:
    known = scene(3, shape, signal=1.0)
    one, other = ((half.data - half.data.mean()).astype(dtype) for half in (known.even, known.odd))
    found = phase_correlation(np.roll(7 * one, (5, -9), (0, 1)), other, 0.25)
    assert np.unravel_index(found.argmax(), shape) == (5, shape[1] - 9)
    assert found.dtype == dtype


def test_what_is_finer_than_asked_or_a_slope_does_not_count() -> None:
    draw = np.random.default_rng(0)
    fine = np.diff(np.diff(draw.normal(size=(258, 258)), axis=0), axis=1)[:256, :256]
    slope = np.linspace(-50, 50, 256)
    one, other = (draw.normal(size=(256, 256)) + 0.3 * fine + slope for _ in range(2))
    within, everywhere = (phase_correlation(one, other, finest) for finest in (0.125, 0.7))
    assert within[0, 0] < 5 * within.std()
    assert everywhere[0, 0] > 10 * everywhere.std()
