"""The course of a run beside what needs no training."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QEvent, QSize, Qt, QTimer
from qtpy.QtGui import QPainter, QPixmap
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from cryoden.events.history import History
from cryoden.events.reference_lines import GAIN_REFERENCES, REFERENCES
from cryoden.events.training import EpochFinished
from napari_cryoden.plots.curve_plot import curve_plot
from napari_cryoden.plots.epoch_readout import Readout
from napari_cryoden.plots.loss_controls import LossControls
from napari_cryoden.plots.loss_legend import SCROLL_BAR, LossLegend, colors, pen
from napari_cryoden.plots.shown_curves import LOSS, ShownCurves, of_gains, of_losses
from napari_cryoden.widgets.dock import scrolling

REDRAW_MS = 100
LEAST, GOOD = 204, 236  # px of height: on a screen of 768, where the legend scrolls; and elsewhere
RESTARTS = 3  # a run has no more
SMALLEST = 1e-12  # of what a logarithm is taken
EMPTY = (
    "No run yet.\n\nOpen half-set pairs of a few micrographs, and press Train in “Train a "
    "denoiser”.\nThe SNR gain and the losses will appear here, beside those of simple filters."
)
STARTING = "The run is starting: {} …\n\nIts curve will appear here with the first epoch."


class LossPlot(QWidget):
    """Draws a `History` on request, at most ten times a second.

    Redrawing at every step would cost the training two thirds of its speed, so a setter only
    notes that there is something new, and one timer shot later all of it is drawn.
    """

    def __init__(self, dark: bool = True) -> None:
        super().__init__()
        self.redraws = 0
        self._history: History | None = None
        self._earlier: History | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REDRAW_MS)
        self._timer.timeout.connect(self._redraw)
        self.legend = LossLegend()
        self.plot = _plot()
        self.readout = Readout()
        self._curves = {
            name: self.plot.plot() for name in ("steps", "earlier", "train", "validation", "best")
        }
        self._lines = {name: pg.InfiniteLine(angle=0) for name in REFERENCES | GAIN_REFERENCES}
        self._restarts = [_restart() for _ in range(RESTARTS)]
        self._pointer = pg.InfiniteLine(angle=90)
        for line in (*self._lines.values(), *self._restarts, self._pointer):
            line.setZValue(-10)  # a validation curve that follows a reference must stay visible
            line.setVisible(False)
            self.plot.addItem(line, ignoreBounds=True)
        self.plot.scene().sigMouseMoved.connect(self._point)
        self.plot.viewport().installEventFilter(self)
        self._lay_out()
        self.set_theme("#262930" if dark else "#ffffff", "#f0f1f2" if dark else "#3b3a39", dark)

    def show_history(self, history: History | None, earlier: History | None = None) -> None:
        """Draw this history soon, and the run before it where it is asked for; ``None`` for no run yet."""
        self._history, self._earlier = history, earlier
        if not self._timer.isActive():
            self._timer.start()

    def set_theme(self, background: str, text: str, dark: bool) -> None:
        """Take the colors of the viewer's theme."""
        self.plot.setBackground(background)
        for name in ("left", "bottom"):
            self.plot.getAxis(name).setPen(text)
            self.plot.getAxis(name).setTextPen(text)
        for name, color in (colors(dark) | {"earlier": colors(dark)["validation"]}).items():
            self._color(name, color)
        for line in self._restarts:
            line.setPen(pen("restart", colors(dark)["train"]))
            line.label.setColor(colors(dark)["train"])
        self._pointer.setPen(pen("pointer", colors(dark)["constant"]))
        self.legend.set_theme(dark)
        self.readout.set_theme(dark)

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802  Qt's name
        """Show the last epoch again when the mouse leaves the plot."""
        if event.type() == QEvent.Type.Leave:
            self._show_epoch(None)
        return bool(super().eventFilter(watched, event))

    def _point(self, position: Any) -> None:
        """Show the epoch next to the mouse."""
        box, history = self.plot.getPlotItem().getViewBox(), self._history
        if history is None or not history.epochs or not box.sceneBoundingRect().contains(position):
            self._show_epoch(None)
            return
        step = box.mapSceneToView(position).x()
        self._show_epoch(min(history.epochs, key=lambda epoch: abs(epoch.step - step)))

    def _show_epoch(self, epoch: EpochFinished | None) -> None:
        self._pointer.setVisible(epoch is not None)
        if epoch is not None:
            self._pointer.setValue(epoch.step)
        if self._history is not None:
            self.readout.show_epoch(self._history, epoch)

    def _color(self, name: str, color: str) -> None:
        if name in self._lines:
            self._lines[name].setPen(pen(name, color))
            return
        curve = self._curves[name]
        curve.setPen(None if name == "best" else pen(name, color))
        curve.setSymbol({"steps": None, "earlier": None, "best": "star"}.get(name, "o"))
        curve.setSymbolSize(15 if name == "best" else 6)
        curve.setSymbolBrush(color)
        curve.setSymbolPen(None)

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.plot, stretch=1)
        self._aside = scrolling(self.legend)
        self._aside.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        row.addWidget(self._aside)
        begun = QWidget()
        self.controls = LossControls(self.picture)
        self.controls.changed.connect(self._redraw)
        rows = QVBoxLayout(begun)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addWidget(self.controls)
        rows.addLayout(row, stretch=1)
        rows.addWidget(self.readout)
        self.empty = QLabel(EMPTY)
        self.empty.setTextFormat(Qt.TextFormat.PlainText)
        self.empty.setWordWrap(True)
        self.empty.setMargin(16)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.empty)
        self.pages.addWidget(begun)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.pages)
        self.setMinimumHeight(LEAST)

    def sizeHint(self) -> QSize:  # noqa: N802  Qt's name
        """Return a size in which all of the legend is visible."""
        return QSize(900, GOOD)

    def picture(self) -> QPixmap:
        """Return the plot beside its legend, all of it, on the plot's background."""
        parts = self.plot.grab(), self.legend.grab()
        whole = QPixmap(sum(part.width() for part in parts), max(part.height() for part in parts))
        whole.fill(self.plot.backgroundBrush().color())
        painter = QPainter(whole)
        painter.drawPixmap(0, 0, parts[0])
        painter.drawPixmap(parts[0].width(), 0, parts[1])
        painter.end()
        return whole

    def _redraw(self) -> None:
        history = self._history
        begun = history is not None and history.started is not None
        self.pages.setCurrentIndex(1 if begun else 0)
        self.empty.setText(EMPTY if history is None else STARTING.format(history.phase or "starting"))
        self.controls.follow(history, self._earlier)
        if history is None or history.started is None:
            return
        self.redraws += 1
        logarithmic = self.controls.logarithmic
        if self.plot.getAxis("left").logMode != logarithmic:  # else it is done at each redraw
            self.plot.setLogMode(y=logarithmic)
        since = self.controls.since(history)
        earlier = self._earlier if self.controls.earlier.isChecked() else None
        shown = (of_gains if self.controls.shows_gain else of_losses)(history, earlier, since)
        self._draw(shown)
        self.plot.setXRange(since, max([since + 1, *history.steps[-1:]]), padding=0.02)
        for number, line in enumerate(self._restarts):
            line.setVisible(number < len(history.restarts))
            line.setValue(history.restarts[number] if line.isVisible() else 0)
        self.legend.show_curves(shown)
        self._aside.setFixedWidth(self.legend.sizeHint().width() + SCROLL_BAR)
        if not self._pointer.isVisible():
            self.readout.show_epoch(history)

    def _draw(self, shown: ShownCurves) -> None:
        for name, curve in self._curves.items():
            curve.setData(*shown.curves.get(name, ([], [])))
        for name, line in self._lines.items():
            line.setVisible(name in shown.lines)
            line.setValue(self._level(shown.lines.get(name, 0.0)))
        self.plot.setLabel("left", shown.axis)
        self.plot.setYRange(*map(self._level, shown.view), padding=0)
        self.plot.getAxis("left").setTicks(self._ticks(shown.view))

    def _ticks(self, view: tuple[float, float]) -> list[list[tuple[float, str]]] | None:
        """Return the marks of a logarithmic axis; by itself it marks powers of ten only."""
        if not self.controls.logarithmic:
            return None
        levels = np.geomspace(max(view[0], SMALLEST), max(view[1], 2 * SMALLEST), 5)[1:-1]
        return [[(self._level(level), f"{level:.3g}") for level in levels]]

    def _level(self, loss: float) -> float:
        """Return where a loss stands on the axis."""
        return math.log10(max(loss, SMALLEST)) if self.controls.logarithmic else loss


def _restart() -> Any:
    beside = {"position": 0.9, "anchors": [(0, 0.5), (0, 0.5)], "movable": False}
    return pg.InfiniteLine(angle=90, label="restart", labelOpts=beside)


def _plot() -> Any:
    plot = curve_plot(LOSS, "step")
    plot.getPlotItem().layout.setContentsMargins(0, 4, 0, 6)  # pyqtgraph lets the label hang out below
    return plot
