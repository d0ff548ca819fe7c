from __future__ import annotations

import numpy as np
import pytest

from tests.cryoden.evaluation.planted import (
    finished,
    row,
)


def test_doing_nothing_gains_nothing() -> None:
    raw = row("raw").mean
    assert (raw.palovcak_db, raw.bias_ratio, raw.truth_db) == pytest.approx((0, 0, 0), abs=1e-9)
    assert finished().table.gain_db(row("raw")) == pytest.approx(0, abs=1e-9)
    assert raw.noise_left == pytest.approx(1)


def test_the_gain_estimated_from_the_halves_is_the_gain_against_the_truth() -> None:
    table = finished().table
    tried = [row for row in table.rows if row.name not in {"gray", "oracle"}]
    estimated = [table.gain_db(row, "detail") for row in tried]
    assert len(tried) == 13
    assert estimated == pytest.approx([row.mean.truth_db for row in tried], abs=0.3)
    assert max(filter(None, estimated)) > 5
    assert min(filter(None, estimated)) < -5


def test_a_filter_that_treats_directions_alike_does_not_change_the_ring_correlation() -> None:
    curves = [np.array(row(name).curves.frc, float) for name in ("raw", "low-pass 10 Å")]
    assert np.nanmax(np.abs(curves[0] - curves[1])[:60]) < 0.02


def test_a_filter_that_fits_is_calibrated_and_noise_or_strokes_of_equal_strength_promise_too_much() -> None:
    fits, raw, dreams = (row(name).mean.slope for name in ("Wiener", "raw", "dreams"))
    assert fits is not None
    assert raw is not None
    assert dreams is not None
    assert fits == pytest.approx(1, abs=0.1)
    assert raw < 0.9 * fits
    assert dreams < 0.5


def test_what_a_band_holds_is_what_its_rings_hold() -> None:
    """Where the curve of rings falls from coarse to fine, so do the bands."""
    bands = row("raw").mean.bands
    assert bands[0] is not None
    assert bands[-1] is not None
    assert bands[0] > bands[-1]
