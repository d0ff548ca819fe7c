from __future__ import annotations

from dataclasses import replace
from typing import Any

from qtpy.QtWidgets import QLabel

from cryoden.events.history import History
from cryoden.events.snr_gain import gains_of, reference_gains
from cryoden.events.training import Restarted
from napari_cryoden.plots.loss_controls import GAIN, LOSSES
from tests.napari_cryoden import runs
from tests.napari_cryoden.plots.drawing import drawn


def test_before_any_run_the_plot_says_what_to_do(plot: Any) -> None:
    label = plot.pages.currentWidget()
    assert isinstance(label, QLabel)
    assert "press Train" in label.text()


def test_a_run_shows_its_curves_and_reference_lines(qtbot: Any, plot: Any) -> None:
    history = runs.history()
    assert history.best is not None
    drawn(qtbot, plot, history)
    x, y = plot._curves["validation"].getData()
    assert list(x) == [e.step for e in history.epochs]
    assert list(y) == [e.validation_loss for e in history.epochs]
    assert len(plot._curves["train"].getData()[0]) == 5
    assert [float(v[0]) for v in plot._curves["best"].getData()] == [50.0, history.best.validation_loss]
    assert plot._lines["floor"].value() == runs.REFERENCES.floor


def test_a_supervised_run_has_no_floor(qtbot: Any, plot: Any) -> None:
    history = History()
    history.add(runs.started(replace(runs.REFERENCES, floor=None)))
    history.add(runs.step(1, 0.9))
    drawn(qtbot, plot, history)
    assert not plot._lines["floor"].isVisible()
    assert plot.legend.values["floor"].text() == "–"


def test_a_restart_is_told_and_drawn_where_it_happened(qtbot: Any, plot: Any) -> None:
    history = runs.history()
    history.add(Restarted(1, "diverged", "The loss diverged.", 1e-4))
    drawn(qtbot, plot, history)
    assert [line.value() for line in plot._restarts if line.isVisible()] == [50]
    assert "▲" in plot.readout.verdict.text()
    assert plot.readout.verdict.toolTip().startswith("The loss diverged")


def test_thousands_of_events_cost_few_redraws(qtbot: Any, plot: Any) -> None:
    history = History()
    history.add(runs.started())
    for number in range(1, 5001):
        history.add(runs.step(number))
        plot.show_history(history)
    qtbot.waitUntil(lambda: plot.redraws > 0)
    assert plot.redraws == 1
    assert not plot._timer.isActive()


def test_a_run_on_halves_shows_its_rising_snr_gain(qtbot: Any, plot: Any) -> None:
    history, gains = runs.history(banded=True), reference_gains(runs.BANDED)
    drawn(qtbot, plot, history)
    y = list(plot._curves["validation"].getData()[1])
    assert y == [gain for _, gain in gains_of(runs.BANDED, history.epochs)] == sorted(y)
    assert {name: line.value() for name, line in plot._lines.items() if line.isVisible()} == gains
    assert [name for name, line in plot._lines.items() if line.isVisible()] == [
        "identity",
        "gaussian",
        "linear",
        "ceiling",
    ]
    assert plot.plot.getAxis("left").labelText == "SNR gain (dB)"
    low, high = plot.plot.viewRange()[1]
    assert low < min(y) < max(y) < high


def test_the_losses_of_a_run_on_halves_are_the_second_tab(qtbot: Any, plot: Any) -> None:
    history = runs.history(banded=True)
    drawn(qtbot, plot, history)
    plot.controls.shown.setCurrentIndex(LOSSES)
    assert list(plot._curves["validation"].getData()[1]) == [e.validation_loss for e in history.epochs]
    assert plot._lines["floor"].isVisible()
    assert plot.plot.getAxis("left").labelText == "loss (MSE)"
    plot.controls.shown.setCurrentIndex(GAIN)
    assert not plot._lines["floor"].isVisible()


def test_a_run_without_the_figure_shows_its_losses_and_no_choice(qtbot: Any, plot: Any) -> None:
    drawn(qtbot, plot, runs.history(banded=True))
    assert plot.controls.shown.isVisible()
    drawn(qtbot, plot, runs.history())
    assert not plot.controls.shown.isVisible()
    assert plot._lines["constant"].isVisible()
    assert len(plot._curves["train"].getData()[0]) == 5
