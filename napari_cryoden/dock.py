"""The common look of this plugin's docks: one narrow column that scrolls."""

from __future__ import annotations

from typing import Any, TypeVar

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QLabel, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from napari_cryoden.job import plain
from napari_cryoden.preferences import PLUGIN

WIDTH = 312
W = TypeVar("W", bound=QWidget)


class Dock(QWidget):
    """A column that scrolls, and below it a footer that is always in sight.

    Buttons and the state of a run must not be scrolled away on a screen of 1366 × 768.
    """

    def __init__(self) -> None:
        super().__init__()
        content = QWidget()
        self.column = QVBoxLayout(content)
        self.column.setContentsMargins(6, 2, 6, 2)
        self.column.setSpacing(5)
        area = QScrollArea()
        area.setWidget(content)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        area.setMinimumHeight(120)
        self.footer = QVBoxLayout()
        self.footer.setContentsMargins(6, 0, 6, 4)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(area, stretch=1)
        whole.addLayout(self.footer)
        self.setFixedWidth(WIDTH)


def heading(text: str) -> QLabel:
    """Return the title of a section."""
    label = QLabel(f"<b>{text}</b>")
    label.setContentsMargins(0, 6, 0, 0)
    return label


def status_label() -> QLabel:
    """Return a label that wraps, may be copied from, and never asks for more width."""
    label = QLabel()
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.MinimumExpanding)
    label.setAlignment(Qt.AlignmentFlag.AlignTop)
    label.setMinimumHeight(
        3 * label.fontMetrics().lineSpacing()
    )  # so that nothing jumps as words come and go
    return label


def plugin_dock(viewer: Any, name: str) -> Any:
    """Return this plugin's widget of this name in front, docked where it is not yet."""
    docked, widget = plain(viewer).window.add_plugin_dock_widget(PLUGIN, name, tabify=True)
    docked.show()
    docked.raise_()
    return widget


def below(viewer: Any, title: str, kind: type[W]) -> W:
    """Return the window's dock of this title below the canvas; made when there is none, or it was closed."""
    window = plain(viewer).window
    docked = window.dock_widgets.get(title)
    if isinstance(docked, kind):
        return docked
    made: Any = kind
    new: W = made(viewer)
    window.add_dock_widget(new, name=title, area="bottom")
    return new
