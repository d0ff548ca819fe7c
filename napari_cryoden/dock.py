"""The common look of this plugin's docks: one narrow column that scrolls."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QLabel, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

WIDTH = 300


def column_in(area: QScrollArea) -> QVBoxLayout:
    """Fill a scroll area with one column that fits 1366 × 768 beside the canvas."""
    content = QWidget()
    column = QVBoxLayout(content)
    column.setContentsMargins(6, 4, 6, 6)
    column.setSpacing(5)
    area.setWidget(content)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setMinimumWidth(WIDTH)
    area.setMinimumHeight(200)
    area.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
    return column


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
    return label
