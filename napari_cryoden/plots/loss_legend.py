"""What each line of the plot of a run is and where it stands: words beside the plot, never on it."""

from __future__ import annotations

import math
from typing import Any

import pyqtgraph as pg
from qtpy.QtCore import QPointF, Qt
from qtpy.QtGui import QBrush, QColor, QPainter, QPen, QPixmap, QPolygonF
from qtpy.QtWidgets import QGridLayout, QLabel, QSizePolicy, QWidget

from cryoden.events.reference_lines import GAIN_REFERENCES, LINES, LossLine
from napari_cryoden.plots.shown_curves import ShownCurves
from napari_cryoden.tool_tip import set_tip

# What a run is judged by comes first: on a low window the rest is scrolled away.
ORDER = (
    "validation", "best", "floor", "linear", "identity", "gaussian", "ceiling", "train", "constant", "steps",
)  # fmt: skip
ALL = GAIN_REFERENCES | LINES
SCROLL_BAR = 22  # px, in napari's style
_DASHES = {"restart": (1, 4), "earlier": (1, 2)} | {name: line.dashes for name, line in ALL.items()}
_THIN = {"steps", "gaussian", "restart", "pointer"}


def colors(dark: bool) -> dict[str, str]:
    """Return the color of each line for a dark or a light background."""
    return {name: line.on_dark if dark else line.on_white for name, line in ALL.items()}


def pen(name: str, color: str) -> Any:
    """Return the pen of a line; references differ by their dashes, too."""
    made = pg.mkPen(color, width=1 if name in _THIN else 2)
    if dashes := _DASHES.get(name):
        made.setDashPattern(dashes)
    return made


class LossLegend(QWidget):
    """A row per line: how it is drawn, its name, its newest value."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self._swatches: dict[str, QLabel] = {}
        self.names: dict[str, QLabel] = {}
        self.values: dict[str, QLabel] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(6, 4, 8, 2)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(1)
        grid.setColumnMinimumWidth(2, self.fontMetrics().horizontalAdvance("↑ 0.0000 @ 12.3 Å"))
        for row, (name, line) in enumerate((name, ALL[name]) for name in ORDER):
            self._swatches[name], self.names[name] = QLabel(), QLabel(line.label)
            self.values[name] = QLabel("–")
            self.values[name].setAlignment(Qt.AlignmentFlag.AlignRight)
            for column, widget in enumerate(self._row(name)):
                set_tip(widget, line.meaning)
                grid.addWidget(widget, row, column)
        grid.setRowStretch(len(ORDER), 1)

    def set_theme(self, dark: bool) -> None:
        """Draw the swatches in the colors of the plot."""
        for name, color in colors(dark).items():
            self._swatches[name].setPixmap(_swatch(name, color))

    def show_curves(self, shown: ShownCurves) -> None:
        """Write what is shown, and its newest values; an arrow says that a line is out of view."""
        for name in ORDER:
            for widget in self._row(name):
                widget.setVisible(name in shown.words)
            if name in shown.words:
                self._name(name, shown.words[name])
            view = shown.view if name in shown.lines else None
            value = shown.lines.get(name, shown.newest.get(name))
            self._write(name, value, view, shown)

    def _row(self, name: str) -> tuple[QLabel, QLabel, QLabel]:
        return self._swatches[name], self.names[name], self.values[name]

    def _name(self, name: str, line: LossLine) -> None:
        self.names[name].setText(line.label)
        for widget in self._row(name):
            set_tip(widget, line.meaning)

    def _write(
        self, name: str, value: float | None, view: tuple[float, float] | None, shown: ShownCurves
    ) -> None:
        if value is None or math.isnan(value):
            self.values[name].setText("–")
            return
        above, below = view is not None and value > view[1], view is not None and value < view[0]
        arrow = "↑ " if above else "↓ " if below else ""
        self.values[name].setText(f"{arrow}{shown.in_words(value)}{shown.beside.get(name, '')}")


def _swatch(name: str, color: str) -> QPixmap:
    pixmap = QPixmap(30, 14)
    pixmap.fill(QColor(0, 0, 0, 0))
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if name != "best":
        painter.setPen(QPen(pen(name, color)))
        painter.drawLine(1, 7, 29, 7)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QBrush(QColor(color)))
    if name in ("train", "validation"):
        painter.drawEllipse(QPointF(15, 7), 3.5, 3.5)
    if name == "best":
        painter.drawPolygon(_star(15, 7, 7))
    painter.end()
    return pixmap


def _star(x: float, y: float, radius: float) -> QPolygonF:
    points = []
    for corner in range(10):
        reach = radius if corner % 2 == 0 else radius * 0.42
        angle = math.pi * corner / 5
        points.append(QPointF(x + reach * math.sin(angle), y - reach * math.cos(angle)))
    return QPolygonF(points)
