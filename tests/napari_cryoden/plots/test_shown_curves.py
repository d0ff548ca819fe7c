from __future__ import annotations

import pytest

from cryoden.events.history import History
from napari_cryoden.plots.shown_curves import has_band, of_band, of_losses
from tests.napari_cryoden import runs


def test_only_a_run_on_halves_with_the_figure_has_a_band() -> None:
    assert has_band(runs.history(banded=True))
    assert not any(map(has_band, (runs.history(), History(), None)))


def test_the_band_of_a_run_is_its_epochs_beside_raw_half_and_filters() -> None:
    history, known = runs.history(banded=True), runs.BANDED.band
    assert known is not None
    shown = of_band(history, None)
    assert shown.curves["validation"] == (
        [epoch.step for epoch in history.epochs],
        [epoch.quality.band for epoch in history.epochs],
    )
    assert shown.lines == {"identity": known.identity, "gaussian": known.gaussian, "linear": known.linear}
    assert shown.newest == {"validation": pytest.approx(0.3), "best": pytest.approx(0.3)}
    assert set(shown.lines) < set(shown.words)


def test_an_earlier_run_without_the_figure_has_no_curve_beside_one_that_has_it() -> None:
    assert of_band(runs.history(banded=True), runs.history()).curves["earlier"] == ([], [])
    steps, bands = of_band(runs.history(2, banded=True), runs.history(4, banded=True)).curves["earlier"]
    assert (len(steps), len(bands)) == (5, 5)


def test_the_losses_of_a_run_leave_out_references_it_does_not_have() -> None:
    shown = of_losses(runs.history(), None)
    assert set(shown.lines) == {"identity", "constant", "gaussian", "linear", "floor"}
    assert shown.newest["validation"] == pytest.approx(0.98)


def test_a_run_that_has_only_begun_is_shown_without_values() -> None:
    history = History()
    history.add(runs.started(runs.BANDED))
    assert of_band(history, None).newest == of_losses(history, None).newest == {}
