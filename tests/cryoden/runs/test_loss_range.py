from __future__ import annotations

import math

import numpy as np

from cryoden.events.history import History
from cryoden.events.training import Restarted
from cryoden.runs.loss_range import y_range
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
