"""Curves and figures of several runs, below the canvas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyqtgraph as pg
from napari.utils.theme import get_theme
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QSplitter, QVBoxLayout, QWidget

from cryoden.runs.compare import Curve, RunSummary, courses
from napari_cryoden.plots.curve_plot import add_curve, curve_plot, take_theme, with_legend
from napari_cryoden.plots.loss_legend import colors
from napari_cryoden.plots.runs_table import RunsTable
from napari_cryoden.widgets.dock import below
from napari_cryoden.window import plain

TITLE = "Runs compared"
COLORS = ("validation", "train", "linear", "floor", "gaussian", "constant")
STYLES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine)


class RunsDock(QWidget):
    """Correlation by epoch of each run, or loss, held-out where it is known, and the table beside it."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.viewer = plain(viewer)
        self.plot = with_legend(curve_plot("loss", "epoch"), 4)
        self.table = RunsTable()
        halves = QSplitter()
        halves.addWidget(self.plot)
        halves.addWidget(self.table)
        halves.setSizes([420, 700])
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 2, 4, 2)
        column.addWidget(halves)
        self.setMinimumHeight(128)
        self._curves: list[tuple[str, Curve]] = []
        self.viewer.events.theme.connect(self._draw)
        self._draw()

    def show_runs(self, runs: Sequence[RunSummary]) -> None:
        """Show these runs.

        Raises
        ------
        RunError
            When one of them is damaged; what was shown stays.
        """
        label, self._curves = courses(runs)
        self.plot.setLabel("left", label)
        self.table.show_runs(runs)
        self._draw()

    def _draw(self, event: Any = None) -> None:  # noqa: ARG002  napari passes its event
        theme = get_theme(self.viewer.theme)
        take_theme(self.plot, theme)
        self.plot.clear()
        for number, (name, course) in enumerate(self._curves):
            color = colors(theme.type == "dark")[COLORS[number % len(COLORS)]]
            style = STYLES[number // len(COLORS) % len(STYLES)]
            pen = pg.mkPen(color, width=2, style=style)
            add_curve(self.plot, [*map(list, course)], pen, name)


def show_runs(viewer: Any) -> RunsDock:
    """Return the window's comparison; dock it when there is none, or when it was closed."""
    return below(viewer, TITLE, RunsDock)
