from __future__ import annotations

import numpy as np
import pytest

from cryoden.events.quality import snr_gain
from cryoden.image.correlation import pearson


@pytest.mark.parametrize("left", [0.5, 0.25])
def test_the_gain_is_the_one_that_a_known_signal_gives(left: float) -> None:
    rng = np.random.default_rng(3)
    signal, one, other = (rng.normal(size=(1000, 1000)).astype(np.float32) for _ in range(3))
    even, odd = signal + 2 * one, signal + 2 * other
    denoised = 3 * (signal + 2 * left * one)
    found = snr_gain(pearson(denoised, odd), pearson(even, odd))
    assert found == pytest.approx(-20 * np.log10(left), abs=0.3)


@pytest.mark.parametrize(("cc", "cc_half"), [(0.0, 0.1), (-0.1, 0.1), (0.1, 0.0), (0.4, 0.1)])
def test_where_chance_rules_there_is_none(cc: float, cc_half: float) -> None:
    assert snr_gain(cc, cc_half) is None
