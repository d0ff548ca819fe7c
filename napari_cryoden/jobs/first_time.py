"""What napari and this program need at their first layer only, made before it comes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Any

import numpy as np
from napari.layers import Image

from napari_cryoden.preferences import preferences

LETTERS = "0123456789 Åµnmpx" + "ÉÑŐgjqy"  # of scale bars, and those that vispy measures lines by


@cache
def load_for_layers() -> None:
    """Load what napari loads at its first layer; in the thread that makes its pixels, as it takes long."""
    Image(np.zeros((8, 8), np.float32), units=("angstrom",) * 2, contrast_limits=(0, 1))


def ready_for_scale_bar(viewer: Any) -> Iterator[None]:
    """Read the preferences and draw the letters of scale bars where napari keeps them, a letter in each step.

    Nothing of it is seen. Letters are kept in a private place: without it they are drawn with the first bar.
    """
    preferences()
    yield
    for letter in LETTERS:
        with suppress(AttributeError):
            known = viewer.window._qt_viewer.canvas._font_info
            known.font_manager.get_font(known.face)[letter]
        yield
