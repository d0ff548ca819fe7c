"""What a test does with the dock that opens micrographs."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def look(qtbot: Any, dock: Any, *paths: Path) -> list[tuple[str, str]]:
    dock.show_paths(paths)
    qtbot.waitUntil(lambda: not dock.list.checking)
    return [tuple(line.split("\n")) for line in dock.list.lines()]


def opened(qtbot: Any, dock: Any) -> list[str]:
    with qtbot.waitSignal(dock.opening.ended):
        dock.open_button.click()
    return [layer.name for layer in dock.viewer.layers]


def select(dock: Any, *rows: int) -> None:
    dock.list.clearSelection()
    for row in rows:
        dock.list.item(row).setSelected(True)
