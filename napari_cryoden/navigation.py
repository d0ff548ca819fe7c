"""From one dock of this plugin to another."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QWidget

from napari_cryoden.preferences import PLUGIN
from napari_cryoden.window import main_window, plain

WORKBENCH = "cryoden-workbench"


def show_dock(viewer: Any, name: str) -> Any:
    """Return the widget of this name in the manifest, opened where it was not, and in front.

    Where all steps are open in one dock, the step is shown there.
    """
    workbench: Any = main_window(viewer).findChild(QWidget, WORKBENCH)
    if workbench is not None and workbench.has(name):
        return workbench.bring(name)
    docked, widget = plain(viewer).window.add_plugin_dock_widget(PLUGIN, name, tabify=True)
    docked.show()
    docked.raise_()
    return widget
