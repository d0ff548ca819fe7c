from __future__ import annotations

import numpy as np
import pytest

from tests.cryoden.evaluation.planted import (
    row,
)


def test_figures_are_kept_pair_by_pair() -> None:
    wiener = row("Wiener")
    assert list(wiener.pairs) == ["m1", "m2"]
    assert wiener.mean.detail == pytest.approx(np.mean([scores.detail for scores in wiener.pairs.values()]))
    assert wiener.pairs["m1"].detail != wiener.pairs["m2"].detail
