"""How the specimen of a movie moved, below the canvas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyqtgraph as pg
from napari.utils.theme import get_theme
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from cryoden.errors import printable
from cryoden.movies.shift_tables import read_shifts
from napari_cryoden.plots.curve_plot import add_curve, curve_plot, take_theme, with_legend
from napari_cryoden.plots.loss_legend import colors
from napari_cryoden.widgets.dock import below
from napari_cryoden.window import plain

TITLE = "Motion"
CURVES = (("right (x)", "validation"), ("down (y)", "train"))


class MotionDock(QWidget):
    """Draws the shifts of one movie."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.viewer = plain(viewer)
        self.plot = with_legend(curve_plot("shift (Å)", "frame"))
        self.words = QLabel()
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 2, 4, 2)
        column.addWidget(self.plot, stretch=1)
        column.addWidget(self.words)
        self.setMinimumHeight(128)
        self._shown: tuple[list[int], list[float], list[float]] = [], [], []
        self.viewer.events.theme.connect(self._take_theme)
        self._take_theme()

    def show_shifts(self, star: Path) -> None:
        """Draw what a STAR file of shifts has.

        Raises
        ------
        HalvesError, MicrographError
            See `cryoden.movies.shift_tables.read_shifts`.
        """
        self._shown = frames, right, down = read_shifts(star)
        far = max((x * x + y * y) ** 0.5 for x, y in zip(right, down, strict=True))
        name = printable(star.stem.removesuffix("_shifts"))
        self.words.setText(f"{name}: {len(frames):,} frames, at most {far:.1f} Å from the first")
        self._draw()

    def _draw(self) -> None:
        frames, *shifts = self._shown
        self.plot.clear()
        for values, (name, color) in zip(shifts, CURVES, strict=True):
            pen = pg.mkPen(colors(self._dark)[color], width=2)
            add_curve(self.plot, (frames, values), pen, name)

    def _take_theme(self, event: Any = None) -> None:  # noqa: ARG002  napari passes its event
        theme = get_theme(self.viewer.theme)
        self._dark = theme.type == "dark"
        take_theme(self.plot, theme)
        self._draw()


def show_motion(viewer: Any, star: Path) -> MotionDock:
    """Return the window's plot with these shifts; dock it when there is none, or when it was closed."""
    dock = below(viewer, TITLE, MotionDock)
    dock.show_shifts(star)
    return dock
