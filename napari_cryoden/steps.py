"""From one dock of this plugin to another."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QDockWidget, QWidget

from napari_cryoden.job import main_window, plain

WORKBENCH = "cryoden-workbench"


def bring(viewer: Any, name: str) -> Any:
    """Return the widget of this name in the manifest, opened where it was not, and in front.

    Where all steps are open in one dock, the step is shown there.
    """
    workbench: Any = main_window(viewer).findChild(QWidget, WORKBENCH)
    if workbench is not None and workbench.has(name):
        return workbench.bring(name)
    dock, widget = plain(viewer).window.add_plugin_dock_widget("napari-cryoden", name)
    _in_front(dock)
    return widget


def _in_front(dock: QDockWidget) -> None:
    dock.show()
    dock.raise_()
