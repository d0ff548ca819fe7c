"""What a test of the training dock waits for."""

from __future__ import annotations

from typing import Any


def checked(qtbot: Any, train: Any) -> None:
    qtbot.waitUntil(lambda: train.source.pairs.count() > 0 and not train.source.pairs.checking)
