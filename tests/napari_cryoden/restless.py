"""A slow event loop whose events come at odd moments, the same ones for the same seed.

What a test says must hold there, too: on a busy machine events come late, several at once, and
while others are being handled.
"""

from __future__ import annotations

import random
import time
from typing import Self

from qtpy.QtCore import QObject, QTimer
from qtpy.QtWidgets import QApplication

SLOWEST = 0.06  # seconds that the loop stands still, longer than a worker's delivery takes to come
OFTEN = 40  # milliseconds between two disturbances, at most
NESTED = 0.5  # how often the others' events happen within a disturbance


class Restless(QObject):
    """While entered, keeps the event loop waiting, and lets events happen within others."""

    def __init__(self, seed: str) -> None:
        super().__init__()
        self._chance = random.Random(seed)  # noqa: S311  which moments are odd is no secret
        self._within = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._disturb)

    def __enter__(self) -> Self:
        self._again()
        return self

    def __exit__(self, *_: object) -> None:
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
