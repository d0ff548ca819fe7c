from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.napari_cryoden.listing import look


@pytest.fixture
def dock(docked: Any) -> Any:
    return docked("Open micrographs")[1]


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_verdict_has_its_color_in_both_themes(
    qtbot: Any, dock: Any, write_pair: Any, tmp_path: Path, theme: str
) -> None:
    dock.viewer.theme = theme
    write_pair("m1", 1)
    look(qtbot, dock, tmp_path)
    dock.list.clearSelection()
    picture = dock.list.viewport().grab().toImage()
    green = {"dark": (0x2F, 0xD0, 0xA0), "light": (0x00, 0x79, 0x5A)}[theme]
    place = dock.list.visualItemRect(dock.list.item(0))
    seen = {
        picture.pixelColor(x, y).getRgb()[:3]
        for x in range(place.left(), place.left() + 20)
        for y in range(place.top(), place.bottom())
    }
    assert green in seen
