from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from cryoden.events.history import History
from cryoden.events.loss_range import gain_range, y_range
from cryoden.events.snr_gain import gains_of, reference_gains
from cryoden.events.training import Restarted
from tests.napari_cryoden import runs


def test_the_view_holds_validation_and_references_but_not_the_untrained_start() -> None:
    low, high = y_range(runs.history())
    inside = [runs.REFERENCES.constant, runs.REFERENCES.linear, runs.FLOOR, 0.98, 0.988]
    assert all(low < value < high for value in inside)
    assert high < 1.4


def test_a_start_from_a_good_model_is_in_view_from_the_start() -> None:
    history = History()
    history.add(runs.started())
    history.add(runs.epoch(0, 0.93))
    low, high = y_range(history)
    assert low < 0.93
    assert high > 0.99


def test_epochs_before_a_restart_do_not_widen_the_view() -> None:
    history = History()
    history.add(runs.started())
    history.add(runs.step(10))
    history.add(runs.epoch(0, 0.99))
    history.add(runs.epoch(1, 60.0))
    assert y_range(history)[1] > 50
    history.add(Restarted(1, "diverged", "The loss diverged.", 1e-4))
    history.add(runs.epoch(2, 0.985))
    assert y_range(history)[1] < 1.01


def test_wild_steps_widen_the_view_by_half_at_most() -> None:
    history, numbers = runs.history(), np.random.default_rng(3)
    for number in range(51, 400):
        history.add(runs.step(number, 1 + float(numbers.normal(0, 0.5))))
    low, high = y_range(history)
    core = runs.REFERENCES.constant - runs.FLOOR
    assert high - low < 2.5 * core


def test_losses_that_are_not_numbers_do_not_spoil_the_view() -> None:
    history = runs.history()
    history.add(runs.step(51, math.nan))
    history.add(runs.epoch(6, math.inf))
    low, high = y_range(history)
    assert math.isfinite(low)
    assert math.isfinite(high)
    assert high < 1.1


def test_the_view_of_the_snr_gain_holds_the_run_the_raw_half_and_the_wiener_filter() -> None:
    history, lines = runs.history(banded=True), reference_gains(runs.BANDED)
    low, high = gain_range(history)
    gains = [gain for _, gain in gains_of(runs.BANDED, history.epochs)]
    assert all(low < value < high for value in (*gains, 0.0, lines["linear"]))
    assert high - low < 2 * (max(gains) - min(gains))
    assert lines["ceiling"] > high  # it would flatten the curve


def test_a_ceiling_near_the_run_is_in_view() -> None:
    assert runs.BANDED.band is not None
    history = History()
    history.add(runs.started(replace(runs.BANDED, band=replace(runs.BANDED.band, error=0.1))))
    history.add(runs.epoch(0, 0.99, band=0.32))
    assert history.started is not None
    assert gain_range(history)[1] > reference_gains(history.started.references)["ceiling"]


def test_a_gaussian_far_below_leaves_the_view_of_the_snr_gain_and_a_near_one_does_not() -> None:
    for gaussian, inside in ((0.05, False), (0.21, True)):
        assert runs.BANDED.band is not None
        band, history = replace(runs.BANDED.band, gaussian=gaussian), History()
        history.add(runs.started(replace(runs.BANDED, band=band)))
        history.add(runs.epoch(0, 0.99, band=0.2))
        low, high = gain_range(history)
        assert (low < reference_gains(replace(runs.BANDED, band=band))["gaussian"] < high) is inside


def test_the_view_of_the_snr_gain_of_a_run_that_has_none_yet_is_of_some_size() -> None:
    low, high = gain_range(History())
    assert low < high


@pytest.mark.parametrize("floor", [0.4, 0.97])
@pytest.mark.parametrize("losses", [[], [0.99], [0.99, 0.987], [0.99, 0.986, 0.986, 0.986]])
def test_the_noise_floor_and_the_wiener_filter_are_always_in_view(floor: float, losses: list[float]) -> None:
    history = History()
    history.add(runs.started(replace(runs.REFERENCES, floor=floor)))
    for number, loss in enumerate(losses):
        history.add(runs.epoch(number, loss))
    low, high = y_range(history)
    assert low < floor < runs.REFERENCES.linear < high
