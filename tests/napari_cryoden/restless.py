"""A slow event loop whose events come at odd moments, and a test that is held up on its way.

What a test says must hold there, too: on a busy machine events come late, several at once, and
while others are being handled; and between two lines of a test a worker may get all its work done.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any, Self

from qtpy.QtCore import QObject, QTimer
from qtpy.QtWidgets import QApplication

TESTS = str(Path(__file__).parent)
SLOWEST = 0.06  # seconds that the loop stands still, longer than a worker's delivery takes to come
OFTEN = 40  # milliseconds between two disturbances, at most
NESTED = 0.5  # how often the others' events happen within a disturbance
HELD_UP = 0.1  # how often a test is held up before a line
LONGEST = 0.5  # seconds that it is held up


class Restless(QObject):
    """While entered, keeps the event loop and the tests waiting, and lets events happen within others."""

    def __init__(self, seed: str) -> None:
        super().__init__()
        self._chance = random.Random(seed)  # noqa: S311  which moments are odd is no secret
        self._within = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._disturb)

    def __enter__(self) -> Self:
        self._again()
        sys.settrace(self._called)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)
        self._timer.stop()

    def _again(self) -> None:
        self._timer.start(self._chance.randrange(OFTEN))

    def _disturb(self) -> None:
        time.sleep(self._chance.uniform(0, SLOWEST))
        self._again()
        if not self._within and self._chance.random() < NESTED:
            self._within = True
            QApplication.processEvents()
            self._within = False

    def _called(self, frame: FrameType, *_: Any) -> Any:
        path = frame.f_code.co_filename
        return self._line if path.startswith(TESTS) and "test_" in path else None

    def _line(self, *_: Any) -> Any:
        if self._chance.random() < HELD_UP:
            time.sleep(self._chance.uniform(0, LONGEST))
        return self._line
