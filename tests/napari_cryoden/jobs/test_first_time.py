from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

from napari_cryoden.jobs.first_time import LETTERS, ready_for_scale_bar

LOADED = """
import gc, sys
from napari_cryoden.jobs.first_time import load_for_layers
assert "scipy.ndimage._interpolation" not in sys.modules
gc.disable()
load_for_layers()
assert not [one for one in gc.get_objects() if type(one).__name__ == "Image"], "a layer made in a thread"
before = set(sys.modules)
import numpy as np
from napari.layers import Image
Image(np.zeros((9, 9), np.float32), units=("angstrom",) * 2, contrast_limits=(0, 1))
print([one for one in set(sys.modules) - before if "logos" not in one])  # those come with the window
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


def test_without_the_place_for_letters_nothing_fails() -> None:
    class Other:
        def get_font(self, face: str) -> dict[str, str]:
            raise TypeError(face)

    canvas = SimpleNamespace(_font_info=SimpleNamespace(font_manager=Other(), face="any"))
    viewer = SimpleNamespace(window=SimpleNamespace(_qt_viewer=SimpleNamespace(canvas=canvas)))
    assert len(list(ready_for_scale_bar(viewer))) <= 1


def test_the_sample_has_all_letters_too(qtbot: Any, docked: Any, viewer: Any) -> None:
    dock = docked("Open micrographs")[1]
    with qtbot.waitSignal(dock.opening.ended):
        dock.sample_button.click()
    font_info = viewer.window._qt_viewer.canvas._font_info
    glyphs = font_info.font_manager.get_font(font_info.face)._glyphs
    assert set(LETTERS) <= set(glyphs)
