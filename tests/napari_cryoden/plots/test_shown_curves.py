from __future__ import annotations

import pytest

from cryoden.events.history import History
from cryoden.events.snr_gain import gains_of, reference_gains
from napari_cryoden.plots.shown_curves import has_gain, of_gains, of_losses
from tests.napari_cryoden import runs


def test_only_a_run_on_halves_with_the_figure_has_an_snr_gain() -> None:
    assert has_gain(runs.history(banded=True))
    assert not any(map(has_gain, (runs.history(), History(), None)))


def test_the_snr_gain_of_a_run_is_its_epochs_beside_raw_half_filters_and_ceiling() -> None:
    history = runs.history(banded=True)
    gains = [gain for _, gain in gains_of(runs.BANDED, history.epochs)]
    shown = of_gains(history, None)
    assert shown.curves["validation"] == (
        [epoch.step for epoch in history.epochs],
        gains,
    )
    assert shown.lines == reference_gains(runs.BANDED)
    assert shown.lines["identity"] == 0 < shown.lines["linear"] < shown.lines["ceiling"]
    assert shown.newest == {"validation": pytest.approx(gains[-1]), "best": pytest.approx(gains[-1])}
    assert set(shown.lines) < set(shown.words)


def test_an_earlier_run_without_the_figure_has_no_curve_beside_one_that_has_it() -> None:
    assert of_gains(runs.history(banded=True), runs.history()).curves["earlier"] == ([], [])
    steps, bands = of_gains(runs.history(2, banded=True), runs.history(4, banded=True)).curves["earlier"]
    assert (len(steps), len(bands)) == (5, 5)


def test_the_losses_of_a_run_leave_out_references_it_does_not_have() -> None:
    shown = of_losses(runs.history(), None)
    assert set(shown.lines) == {"identity", "constant", "gaussian", "linear", "floor"}
    assert shown.newest["validation"] == pytest.approx(0.98)


def test_a_run_that_has_only_begun_is_shown_without_values() -> None:
    history = History()
    history.add(runs.started(runs.BANDED))
    assert of_gains(history, None).newest == of_losses(history, None).newest == {}
