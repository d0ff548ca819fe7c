from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPointF, Qt
from qtpy.QtGui import QMouseEvent, QPixmap
from qtpy.QtWidgets import QApplication, QLabel, QMenu

from cryoden.events.history import History
from cryoden.events.quality import TrainingStatus
from cryoden.events.training import Restarted
from cryoden.runs.loss_range import y_range
from napari_cryoden.plots.loss_legend import colors
from napari_cryoden.plots.loss_plot import LossPlot
from napari_cryoden.widgets.verdict_label import VerdictLabel
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
    assert told["identity"] == "↑ 1.9500"
    assert told["constant"] == "1.0000"
    assert told["gaussian"] == "0.9900 @ 20 Å"
    assert told["best"] == "0.9800 @ 5"


def test_below_the_plot_stands_how_the_run_stands_and_what_its_last_epoch_was_worth(
    qtbot: Any, plot: Any
) -> None:
    drawn(qtbot, plot, runs.history())
    assert "●" in plot.readout.verdict.text()
    assert plot.readout.verdict.toolTip() == "Better than a Wiener filter for 4 epochs: good to use"
    figures = (
        "CC 0.0200 · SNR +21.5 dB (Palovcak) · B/S 0.12 · mean FRC 0.100 (raw 0.080)"
        " · FRC 0.143 at 18.4 Å (raw 30 Å)"
    )
    assert plot.readout.figures.text() == f"epoch 5: loss 0.9800 · {figures}"


def test_pointing_at_an_epoch_shows_its_figures_until_the_mouse_leaves(qtbot: Any, plot: Any) -> None:
    drawn(qtbot, plot, runs.history())
    box, viewport = plot.plot.getPlotItem().getViewBox(), plot.plot.viewport()
    there = QPointF(plot.plot.mapFromScene(box.mapViewToScene(QPointF(21, 0.98))))
    nothing = Qt.MouseButton.NoButton
    moved = (there, viewport.mapToGlobal(there), nothing, nothing, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(viewport, QMouseEvent(QEvent.Type.MouseMove, *moved))
    assert plot.readout.figures.text().startswith("epoch 2: loss 0.9860")
    assert plot._pointer.value() == 20
    assert "for 1 epoch:" in plot.readout.verdict.toolTip()
    drawn(qtbot, plot, runs.history(6))
    assert plot.readout.figures.text().startswith("epoch 2: ")
    QApplication.sendEvent(viewport, QEvent(QEvent.Type.Leave))
    assert plot.readout.figures.text().startswith("epoch 6: ")
    assert not plot._pointer.isVisible()


def test_a_restart_is_told_and_drawn_where_it_happened(qtbot: Any, plot: Any) -> None:
    history = runs.history()
    history.add(Restarted(1, "diverged", "The loss diverged.", 1e-4))
    drawn(qtbot, plot, history)
    assert [line.value() for line in plot._restarts if line.isVisible()] == [50]
    assert "▲" in plot.readout.verdict.text()
    assert plot.readout.verdict.toolTip().startswith("The loss diverged")


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize("level", ["good", "wait", "bad"])
def test_the_mark_of_a_verdict_stands_out_from_the_background(qtbot: Any, level: Any, dark: Any) -> None:
    label = VerdictLabel()
    qtbot.addWidget(label)
    label.show_verdict(TrainingStatus(level, "a < b & c"))
    label.set_theme(dark)
    assert "a &lt; b &amp; c" in label.text()
    behind, mark = luminance("#262930" if dark else "#efebe9"), luminance(label.text().split()[2][:7])
    assert (max(behind, mark) + 0.05) / (min(behind, mark) + 0.05) > 3


def test_the_words_below_a_narrow_plot_are_not_cut_off(qtbot: Any, plot: Any) -> None:
    plot.resize(700, 240)
    drawn(qtbot, plot, runs.history())
    verdict, figures = plot.readout.verdict, plot.readout.figures
    qtbot.waitUntil(lambda: figures.width() >= figures.sizeHint().width())
    assert verdict.height() >= verdict.heightForWidth(verdict.width())


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


def test_a_line_far_from_the_run_is_out_of_view_and_the_legend_points_to_it(qtbot: Any, plot: Any) -> None:
    """As on real halves: the floor is ten times as far from the linear filter as the run."""
    history = History()
    far = replace(runs.REFERENCES, constant=0.9985, gaussian=0.9969, linear=0.9956, floor=0.976)
    history.add(runs.started(far))
    for number, loss in enumerate((0.9963, 0.9958, 0.9958)):
        history.add(runs.epoch(number, loss))
    low, high = y_range(history)
    assert 0.976 < low < 0.9956
    assert 0.9985 < high < 1.0
    drawn(qtbot, plot, history)
    assert plot.legend.values["floor"].text() == "↓ 0.9760"
    assert plot.legend.values["constant"].text() == "0.9985"


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


def test_the_last_epochs_fill_the_plot_when_asked_for(qtbot: Any, plot: Any) -> None:
    drawn(qtbot, plot, runs.history(30))
    plot.controls.span.setCurrentText("last 10 epochs")
    (left, right), (low, high) = plot.plot.viewRange()
    assert left == pytest.approx(200, abs=5)
    assert right == pytest.approx(300, abs=5)
    whole = y_range(runs.history(30))
    assert high - low <= whole[1] - whole[0]


def test_a_logarithmic_axis_keeps_every_line_beside_its_curve(qtbot: Any, plot: Any) -> None:
    history = runs.history()
    drawn(qtbot, plot, history)
    plot.controls.log.setChecked(True)
    shown = plot._curves["validation"].getData()[1]  # as drawn
    np.testing.assert_allclose(shown, np.log10([e.validation_loss for e in history.epochs]))
    assert plot._lines["linear"].value() == pytest.approx(math.log10(runs.REFERENCES.linear))
    low, high = plot.plot.viewRange()[1]
    assert low < plot._lines["linear"].value() < high
    plot.controls.log.setChecked(False)
    assert plot._lines["linear"].value() == pytest.approx(runs.REFERENCES.linear)


def test_the_run_before_is_laid_over_this_one_when_asked_for(qtbot: Any, plot: Any) -> None:
    before = runs.history(12)
    drawn(qtbot, plot, runs.history(5))
    assert not plot.controls.earlier.isEnabled()
    plot.show_history(runs.history(5), before)
    qtbot.waitUntil(plot.controls.earlier.isEnabled)
    plot.controls.earlier.setChecked(True)
    x, y = plot._curves["earlier"].getData()
    assert list(x) == [epoch.step for epoch in before.epochs]
    assert list(y) == [epoch.validation_loss for epoch in before.epochs]


def test_what_is_seen_is_saved_as_a_picture_and_the_losses_as_a_table(
    qtbot: Any, plot: Any, tmp_path: Path
) -> None:
    history = runs.history()
    drawn(qtbot, plot, history)
    for name in ("p.png", "t.csv"):
        plot.controls.save(tmp_path / name)
    picture = QPixmap(str(tmp_path / "p.png"))
    assert picture.width() == plot.plot.width() + plot.legend.width()
    assert picture.height() >= plot.plot.height()
    rows = (tmp_path / "t.csv").read_text().splitlines()
    assert len(rows) == 1 + len(history.steps) + len(history.epochs)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.png", "t.csv"]


def test_a_plot_that_cannot_be_saved_says_so_in_one_line(
    qtbot: Any, plot: Any, tmp_path: Path, notices: list[str]
) -> None:
    drawn(qtbot, plot, runs.history())
    plot.controls.save(tmp_path / "nowhere" / "p.png")
    assert "O06" in notices[-1]
