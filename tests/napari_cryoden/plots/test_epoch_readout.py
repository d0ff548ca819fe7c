from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication

from cryoden.events.snr_gain import band_gain
from tests.napari_cryoden import runs
from tests.napari_cryoden.plots.drawing import drawn


def test_below_the_plot_stands_how_the_run_stands_and_what_its_last_epoch_was_worth(
    qtbot: Any, plot: Any
) -> None:
    drawn(qtbot, plot, runs.history())
    assert "●" in plot.readout.verdict.text()
    assert plot.readout.verdict.toolTip() == "Better than a Wiener filter for 4 epochs: good to use"
    figures = "CC 0.0200 · B/S 0.12 · FRC 0.143 at 18.4 Å (raw 30 Å)"
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


def test_the_words_below_a_narrow_plot_are_not_cut_off(qtbot: Any, plot: Any) -> None:
    plot.resize(700, 240)
    drawn(qtbot, plot, runs.history())
    verdict, figures = plot.readout.verdict, plot.readout.figures
    qtbot.waitUntil(lambda: figures.width() >= figures.sizeHint().width())
    assert verdict.height() >= verdict.heightForWidth(verdict.width())


def test_of_a_run_on_halves_the_snr_gain_comes_first_beside_the_wiener_filter(qtbot: Any, plot: Any) -> None:
    drawn(qtbot, plot, runs.history(banded=True))
    said = plot.readout.figures.text()
    gains = band_gain(runs.BAND, 0.3), band_gain(runs.BAND, runs.BAND.linear)
    assert said.startswith("epoch 5: SNR gain {:+.1f} dB (Wiener filter {:+.1f} dB) · ".format(*gains))
