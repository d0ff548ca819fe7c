"""How long a test waits before it gives up: long enough for a machine busy with other things."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytestqt.qtbot import QtBot

SECONDS = 300
MILLISECONDS = 1000 * SECONDS


class Patient(QtBot):
    """pytest-qt's robot, which gives up after five minutes where the original does after five seconds."""

    def waitSignal(self, signal: Any, *, timeout: int = MILLISECONDS, **more: Any) -> Any:  # noqa: N802
        """Wait for a signal."""
        return super().waitSignal(signal, timeout=timeout, **more)

    def waitSignals(self, signals: Any, *, timeout: int = MILLISECONDS, **more: Any) -> Any:  # noqa: N802
        """Wait for all of these signals."""
        return super().waitSignals(signals, timeout=timeout, **more)

    def waitUntil(self, callback: Callable[[], bool | None], *, timeout: int = MILLISECONDS) -> None:  # noqa: N802
        """Wait until this is true, or raises no `AssertionError` any more."""
        super().waitUntil(callback, timeout=timeout)

    def waitExposed(self, widget: Any, *, timeout: int = MILLISECONDS) -> Any:  # noqa: N802
        """Wait until a window is on the screen."""
        return super().waitExposed(widget, timeout=timeout)
