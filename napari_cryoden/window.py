"""The window of a viewer, and the viewer behind the proxy napari hands to docks."""

from __future__ import annotations

from typing import Any, Self

from qtpy.QtCore import QObject
from qtpy.QtWidgets import QMainWindow


def plain(viewer: Any) -> Any:
    """Return the viewer itself where napari handed a plugin its guarded proxy."""
    return getattr(viewer, "__wrapped__", viewer)


def main_window(viewer: Any) -> QMainWindow:
    """Return the Qt window of a viewer; napari has no public name for it."""
    window: QMainWindow = plain(viewer).window._qt_window
    return window


class OfWindow(QObject):
    """What a window has one of each kind of; it lives as long as the window."""

    @classmethod
    def of(cls, viewer: Any) -> Self:
        """Return the one of this kind of the viewer's window; the first caller makes it."""
        return main_window(viewer).findChild(cls) or cls(viewer)
