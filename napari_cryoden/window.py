"""The window of a viewer, and the viewer behind the proxy napari hands to docks."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QMainWindow


def plain(viewer: Any) -> Any:
    """Return the viewer itself where napari handed a plugin its guarded proxy."""
    return getattr(viewer, "__wrapped__", viewer)


def main_window(viewer: Any) -> QMainWindow:
    """Return the Qt window of a viewer; napari has no public name for it."""
    window: QMainWindow = plain(viewer).window._qt_window
    return window
