"""What napari and this program need at their first layer only, made before it comes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from napari_cryoden.preferences import preferences

MODULES = ("napari.components.viewer_model", "scipy.ndimage")  # of napari's first layer
LETTERS = "0123456789 Åµnmpx" + "ÉÑŐgjqy"  # of scale bars, and those that vispy measures lines by

logger = logging.getLogger(__name__)


def load_for_layers() -> None:
    """Load what napari loads at its first layer; in the thread that makes its pixels, as it takes long.

    Modules only, which Python locks for itself: no object of napari's is made outside the interface's thread.
    """
    for name in MODULES:
        import_module(name)


def ready_for_scale_bar(viewer: Any) -> Iterator[None]:
    """Read the preferences and draw the letters of scale bars where napari keeps them, a letter in each step.

    Nothing of it is seen. Letters are kept in a private place: without it they are drawn with the first bar.
    """
    preferences()
    yield
    for letter in LETTERS:
        try:
            known = viewer.window._qt_viewer.canvas._font_info
            known.font_manager.get_font(known.face)[letter]
        except Exception:  # whatever another version of napari or vispy has there, the bar itself needs none
            logger.debug("no letters are made before the scale bar", exc_info=True)
            return
        yield
