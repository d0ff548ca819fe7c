"""What a test of the Compare dock waits for."""

from __future__ import annotations

from typing import Any


def finished(dock: Any, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: not dock.deriving.running)
