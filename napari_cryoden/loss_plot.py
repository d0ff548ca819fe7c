"""The losses of a run beside the losses that need no training."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QHBoxLayout, QLabel, QStackedWidget, QVBoxLayout, QWidget

from cryoden.history import History
from napari_cryoden.loss_legend import LossLegend, colors, pen

REDRAW_MS = 100
EMPTY = (
    "No run yet.\n\nOpen the two halves of a few micrographs, choose a model file in “Train a denoiser” "
    "and press Train.\nTraining and validation losses appear here, beside those that need no training."
)


class LossPlot(QWidget):
    """Draws a `History` when told, at most ten times a second.

    Redrawing at every step would cost the training two thirds of its speed, so a setter only
    notes that there is something new, and one timer shot later all of it is drawn.
    """

    def __init__(self, dark: bool = True) -> None:
        super().__init__()
        self.redraws = 0
        self._history: History | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REDRAW_MS)
        self._timer.timeout.connect(self._redraw)
        self.legend = LossLegend()
        self.plot = _plot()
        self._curves = {name: self.plot.plot() for name in ("steps", "train", "validation", "best")}
        self._lines = {name: pg.InfiniteLine(angle=0) for name in ("constant", "linear", "floor")}
        for line in self._lines.values():
            line.setZValue(-10)  # a validation curve that follows a reference must stay in sight
            self.plot.addItem(line, ignoreBounds=True)
        self._lay_out()
        self.set_theme("#262930" if dark else "#ffffff", "#f0f1f2" if dark else "#3b3a39", dark)

    def show_history(self, history: History | None) -> None:
        """Draw this history soon; ``None`` brings the empty state back."""
        self._history = history
        if not self._timer.isActive():
            self._timer.start()

    def set_theme(self, background: str, text: str, dark: bool) -> None:
        """Take the colors of the viewer's theme."""
        self.plot.setBackground(background)
        for name in ("left", "bottom"):
            self.plot.getAxis(name).setPen(text)
            self.plot.getAxis(name).setTextPen(text)
        for name, color in colors(dark).items():
            self._color(name, color)
        self.legend.set_theme(dark)

    def _color(self, name: str, color: str) -> None:
        if name in self._lines:
            self._lines[name].setPen(pen(name, color))
            return
        curve = self._curves[name]
        curve.setPen(None if name == "best" else pen(name, color))
        curve.setSymbol({"steps": None, "best": "star"}.get(name, "o"))
        curve.setSymbolSize(15 if name == "best" else 6)
        curve.setSymbolBrush(color)
        curve.setSymbolPen(None)

    def _lay_out(self) -> None:
        drawing = QWidget()
        row = QHBoxLayout(drawing)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.plot, stretch=1)
        row.addWidget(self.legend)
        empty = QLabel(EMPTY)
        empty.setWordWrap(True)
        empty.setMargin(16)
        self.pages = QStackedWidget()
        self.pages.addWidget(empty)
        self.pages.addWidget(drawing)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.pages)
        self.setMinimumHeight(190)

    def _redraw(self) -> None:
        history = self._history
        begun = history is not None and history.started is not None
        self.pages.setCurrentIndex(1 if begun else 0)
        if history is None or history.started is None:
            return
        self.redraws += 1
        self._draw_curves(history)
        references = history.started.references
        for name, line in self._lines.items():
            value = getattr(references, name)
            line.setVisible(value is not None)
            line.setValue(value if value is not None else 0)
        self.plot.setXRange(0, max([1, *history.steps[-1:]]), padding=0.02)
        self.plot.setYRange(*y_range(history), padding=0)
        self.legend.show_history(history)

    def _draw_curves(self, history: History) -> None:
        self._curves["steps"].setData(*_thinned(history.steps, history.losses))
        epochs = history.epochs
        trained = [epoch for epoch in epochs if epoch.epoch > 0]
        best = [history.best] if history.best is not None else []
        self._curves["train"].setData([e.step for e in trained], [e.train_loss for e in trained])
        self._curves["validation"].setData([e.step for e in epochs], [e.validation_loss for e in epochs])
        self._curves["best"].setData([e.step for e in best], [e.validation_loss for e in best])


def y_range(history: History) -> tuple[float, float]:
    """Return limits in which the curves of the epochs and the reference lines can be read.

    They lie within a few hundredths of 1 under Noise2Noise while single steps scatter more
    widely, so steps may widen the view by half at either end and not more; the untrained
    start and the highest tenth of the epochs may leave it.
    """
    references = history.started.references if history.started else None
    lines = [references.constant, references.linear, references.floor] if references else []
    validation = [epoch.validation_loss for epoch in history.epochs if epoch.epoch > 0]
    core = [value for value in lines if value is not None and math.isfinite(value)]
    training = [epoch.train_loss for epoch in history.epochs if epoch.epoch > 0]
    core += _quantiles(validation, 0.0, 0.9) + _quantiles(training, 0.0, 0.9)
    steps = _quantiles(history.losses[len(history.losses) // 2 :], 0.1, 0.9)
    core = core or steps or [0.0, 1.0]
    low, high = min(core), max(core)
    span = max(high - low, 0.004)
    if steps:
        low = min(low, max(steps[0], low - span / 2))
        high = max(high, min(steps[1], high + span / 2))
    margin = 0.08 * max(high - low, span)
    return low - margin, high + margin


def _quantiles(values: list[float], low: float, high: float) -> list[float]:
    finite = [value for value in values if math.isfinite(value)]
    return [float(value) for value in np.quantile(finite, (low, high))] if finite else []


def _thinned(steps: list[int], losses: list[float], most: int = 4000) -> tuple[Any, Any]:
    """Every n-th step of a long run: more points than the plot has columns only cost time."""
    every = max(1, len(steps) // most)
    return np.array(steps[::every], dtype=float), np.array(losses[::every], dtype=float)


def _plot() -> Any:
    plot = pg.PlotWidget(enableMenu=False)
    menu = plot.getPlotItem().ctrlMenu
    menu.setParent(plot, menu.windowFlags())  # pyqtgraph gives it no owner: it would outlive the window
    plot.hideButtons()
    plot.setMouseEnabled(x=False, y=False)
    plot.setLabel("left", "squared error")
    plot.setLabel("bottom", "step")
    for name in ("left", "bottom"):
        plot.getAxis(name).enableAutoSIPrefix(False)
    plot.getPlotItem().layout.setContentsMargins(0, 4, 0, 6)  # pyqtgraph lets the label hang out below
    plot.showGrid(x=False, y=True, alpha=0.15)
    return plot
