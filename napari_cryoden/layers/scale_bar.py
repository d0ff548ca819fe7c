"""The scale bar, shown once for micrographs whose pixel size is known."""

from __future__ import annotations

from typing import Any

from napari_cryoden.preferences import preferences
from napari_cryoden.window import main_window

_SHOWN = "cryoden_scale_bar_shown"


def show_scale_bar(viewer: Any) -> None:
    """Show the scale bar at the first opening in a window, unless the preferences say no.

    Whoever turns it off afterwards is not overruled by the next micrograph.
    """
    window = main_window(viewer)
    if preferences().scale_bar and not window.property(_SHOWN):
        window.setProperty(_SHOWN, True)
        # Notifications come up at the right.
        viewer.canvas.overlays.scale_bar.position = "bottom_left"
        viewer.canvas.overlays.scale_bar.visible = True
