from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cryoden.events.quality import BandReferences
from cryoden.events.snr_gain import band_gain, ceiling, gains_of, reference_gains, snr_gain
from cryoden.image.correlation import pearson
from tests.napari_cryoden import runs


@pytest.mark.parametrize("left", [0.5, 0.25])
def test_the_gain_is_the_one_that_a_known_signal_gives(left: float) -> None:
    rng = np.random.default_rng(3)
    signal, one, other = (rng.normal(size=(1000, 1000)).astype(np.float32) for _ in range(3))
    even, odd = signal + 2 * one, signal + 2 * other
    denoised = 3 * (signal + 2 * left * one)
    found = snr_gain(pearson(denoised, odd), pearson(even, odd))
    assert found == pytest.approx(-20 * np.log10(left), abs=0.3)


@pytest.mark.parametrize(("cc", "cc_half"), [(0.0, 0.1), (-0.1, 0.1), (0.1, 0.0), (0.4, 0.1), (0.9, 1.0)])
def test_where_chance_rules_there_is_none(cc: float, cc_half: float) -> None:
    assert snr_gain(cc, cc_half) is None


def test_the_raw_half_gains_nothing_and_a_filter_what_its_correlation_says() -> None:
    gains = reference_gains(runs.BANDED)
    assert gains["identity"] == 0 == pytest.approx(snr_gain(runs.BAND.identity, runs.BAND.identity))
    assert gains["linear"] == snr_gain(runs.BAND.linear, runs.BAND.identity)
    assert reference_gains(runs.REFERENCES) == {}


def test_the_more_certain_the_raw_halves_the_higher_the_ceiling() -> None:
    edge = 64
    most = ceiling(0.5, 1 / edge)
    assert most is not None
    assert 10 < most < 25
    larger = ceiling(0.5, 2 / edge)
    assert larger is not None
    assert larger == pytest.approx(most - 3.0, abs=0.3)  # twice as unsure, half as much can be shown


@pytest.mark.parametrize(("cc_half", "error"), [(0.1, 0.1), (0.0, 0.1), (-0.1, 0.01), (0.1, 0.0)])
def test_where_nothing_is_certain_there_is_no_ceiling(cc_half: float, error: float) -> None:
    assert ceiling(cc_half, error) is None


def test_a_run_of_an_older_version_has_no_ceiling() -> None:
    older = BandReferences(340, 20, identity=0.22, gaussian=0.12, linear=0.23)
    assert set(reference_gains(replace(runs.BANDED, band=older))) == {"identity", "gaussian", "linear"}


def test_epochs_whose_gain_chance_makes_impossible_are_left_out() -> None:
    epochs = [runs.epoch(number, 0.98, band=band) for number, band in enumerate((0.3, -0.1, 0.6, None))]
    assert gains_of(runs.BANDED, epochs) == [(epochs[0], band_gain(runs.BAND, 0.3))]
