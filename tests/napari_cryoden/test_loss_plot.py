from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from qtpy.QtWidgets import QLabel, QMenu

from cryoden.history import History
from napari_cryoden.loss_legend import colors
from napari_cryoden.loss_plot import LossPlot, y_range
from tests.napari_cryoden import runs


@pytest.fixture
def plot(qtbot: Any) -> Any:
    made = LossPlot()
    qtbot.addWidget(made)
    made.resize(900, 200)
    made.show()
    return made


def drawn(qtbot: Any, plot: Any, history: Any) -> None:
    before = plot.redraws
    plot.show_history(history)
    qtbot.waitUntil(lambda: plot.redraws > before)


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


def test_the_legend_tells_every_value_doing_nothing_included(qtbot: Any, plot: Any) -> None:
    drawn(qtbot, plot, runs.history())
    told = {name: label.text() for name, label in plot.legend.values.items()}
    assert told["identity"] == "1.9500"
    assert told["constant"] == "1.0000"
    assert told["best"] == "0.9800 @ 5"


def test_no_word_of_the_legend_is_cut_off(qtbot: Any, plot: Any) -> None:
    drawn(qtbot, plot, runs.history())
    for label in plot.legend.findChildren(QLabel):
        assert label.width() >= label.sizeHint().width()
        assert plot.legend.rect().contains(label.geometry())


def test_thousands_of_events_cost_few_redraws(qtbot: Any, plot: Any) -> None:
    history = History()
    history.add(runs.started())
    for number in range(1, 5001):
        history.add(runs.step(number))
        plot.show_history(history)
    qtbot.waitUntil(lambda: plot.redraws > 0)
    assert plot.redraws == 1
    assert not plot._timer.isActive()


def test_the_view_holds_validation_and_references_but_not_the_untrained_start() -> None:
    low, high = y_range(runs.history())
    inside = [runs.REFERENCES.constant, runs.REFERENCES.linear, runs.FLOOR, 0.98, 0.988]
    assert all(low < value < high for value in inside)
    assert high < 1.4


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


def luminance(color: Any) -> Any:
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(("dark", "background"), [(True, "#262930"), (False, "#efebe9")])
def test_every_line_stands_out_from_the_background(dark: Any, background: Any) -> None:
    behind = luminance(background)
    for name, color in colors(dark).items():
        light, deep = max(luminance(color), behind), min(luminance(color), behind)
        assert (light + 0.05) / (deep + 0.05) > (1.3 if name == "steps" else 3)


def test_nothing_of_pyqtgraph_lies_over_the_plot(qtbot: Any, plot: Any) -> None:
    drawn(qtbot, plot, runs.history())
    assert [menu for menu in plot.findChildren(QMenu) if menu.isVisible()] == []
