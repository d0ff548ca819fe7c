"""The loss plot's own dock below the canvas, tied to the window's run."""

from __future__ import annotations

from typing import Any

from napari.utils.theme import get_theme
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_cryoden.jobs.training import TrainingJob
from napari_cryoden.plots.loss_plot import LossPlot
from napari_cryoden.widgets.dock import below
from napari_cryoden.window import main_window, plain

TITLE = "Training curves"
TALL, SHARE = 900, 28  # px of a window in which the curves may have this share of the height, in %


class LossDock(QWidget):
    """Feeds the window's run to a `LossPlot` and follows the viewer's theme."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.viewer = plain(viewer)
        self.run = TrainingJob.of(viewer)
        self.plot = LossPlot()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.plot)
        self.run.changed.connect(self._follow)
        self.viewer.events.theme.connect(self._take_theme)
        self._take_theme()
        self._follow()

    def _follow(self) -> None:
        self.plot.show_history(self.run.history, self.run.earlier)

    def _take_theme(self, event: Any = None) -> None:  # noqa: ARG002  napari passes its event
        theme = get_theme(self.viewer.theme)
        self.plot.set_theme(theme.background.as_hex("long"), theme.text.as_hex("long"), theme.type == "dark")


def show_plot(viewer: Any) -> LossPlot:
    """Return the window's plot; dock it when there is none, or when it was closed."""
    is_new, main = TITLE not in plain(viewer).window.dock_widgets, main_window(viewer)
    content = below(viewer, TITLE, LossDock)
    if is_new and main.height() >= TALL:
        docked: Any = content.parent()
        main.resizeDocks([docked], [main.height() * SHARE // 100], Qt.Orientation.Vertical)
    return content.plot
