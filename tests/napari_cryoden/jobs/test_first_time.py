from __future__ import annotations

import subprocess
import sys
from typing import Any

from napari_cryoden.jobs.first_time import ready_for_scale_bar

LOADED = """
import sys
from napari_cryoden.jobs.first_time import load_for_layers
assert "scipy.ndimage._interpolation" not in sys.modules
load_for_layers()
before = set(sys.modules)
import numpy as np
from napari.layers import Image
Image(np.zeros((9, 9), np.float32), units=("angstrom",) * 2, contrast_limits=(0, 1))
print(sorted(set(sys.modules) - before))
"""


def test_after_it_a_layer_loads_no_more_modules() -> None:
    said = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_all_letters_of_a_scale_bar_are_there_before_it_is_drawn(qtbot: Any, viewer: Any) -> None:
    font_info = viewer.window._qt_viewer.canvas._font_info
    for _ in ready_for_scale_bar(viewer):
        pass
    (font,) = font_info.font_manager._fonts.values()
    before, drawn = set(font._glyphs), list[Any]()
    viewer.window._qt_viewer.canvas._scene_canvas.events.draw.connect(drawn.append)
    viewer.canvas.overlays.scale_bar.visible = True
    qtbot.waitUntil(lambda: bool(drawn))
    assert list(font_info.font_manager._fonts.values()) == [font]
    assert set(font._glyphs) == before


def test_nothing_of_it_is_seen(viewer: Any) -> None:
    for _ in ready_for_scale_bar(viewer):
        pass
    assert not viewer.canvas.overlays.scale_bar.visible
    assert not viewer.layers
