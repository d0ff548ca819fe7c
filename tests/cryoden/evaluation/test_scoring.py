from __future__ import annotations

import numpy as np
import pytest

from tests.cryoden.evaluation.planted import (
    finished,
    row,
)


def test_doing_nothing_gains_nothing() -> None:
    raw = row("raw").mean
    assert (raw.gain_db, raw.bias_ratio, raw.truth_db) == pytest.approx((0, 0, 0), abs=1e-9)
    assert finished().table.gain_db(row("raw")) == pytest.approx(0, abs=1e-9)
    assert raw.noise_left == pytest.approx(1)


def test_the_gain_estimated_from_the_halves_is_the_gain_against_the_truth() -> None:
    table = finished().table
    tried = [row for row in table.rows if row.name not in {"gray", "oracle"}]
    estimated = [table.gain_db(row) for row in tried]
    assert len(tried) == 13
    assert estimated == pytest.approx([row.mean.truth_db for row in tried], abs=0.3)
    assert max(filter(None, estimated)) > 5
    assert min(filter(None, estimated)) < -5


def test_a_filter_that_treats_directions_alike_does_not_change_the_ring_correlation() -> None:
    curves = [np.array(row(name).curves.frc, float) for name in ("raw", "low-pass 10 Å")]
    assert np.nanmax(np.abs(curves[0] - curves[1])[:60]) < 0.02
