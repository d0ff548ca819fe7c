"""Ticks of the interface's thread, for `heartbeat.py`: how late they come, in rows, and for napari alone."""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Callable
from typing import Any

import napari
import numpy as np
from qtpy.QtCore import QEventLoop, Qt, QTimer

from napari_cryoden.layers.picture import picture_of

TICK_MS = 5
COLUMNS = ("median", "p99", "longest", "at once", "in all", "garbage")
searches: list[float] = []  # for garbage, ms


def late(while_true: Callable[[], bool], seconds: float) -> np.ndarray:
    """Return the milliseconds each tick was late by, until the time is over or the work is done.

    In a second row, what the interface's thread computed since the tick before.
    """
    times: list[float] = []
    computed: list[float] = []
    loop, timer = QEventLoop(), QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    ends = time.perf_counter() + seconds

    def tick() -> None:
        times.append(time.perf_counter())
        computed.append(time.thread_time())
        if times[-1] > ends or not while_true():
            loop.quit()

    timer.timeout.connect(tick)
    timer.start(TICK_MS)
    loop.exec()
    timer.stop()
    return np.array([np.clip(1e3 * np.diff(times) - TICK_MS, 0, None), 1e3 * np.diff(computed)])


def searched(phase: str, facts: dict[str, int]) -> None:
    """Take note of how long a search of all objects for garbage takes."""
    if facts["generation"] == 2:
        searches.append(
            time.perf_counter() if phase == "start" else 1e3 * (time.perf_counter() - searches.pop())
        )


def told(name: str, wait: Callable[[], np.ndarray]) -> None:
    """Print one row."""
    searches.clear()
    waits, computed = wait()
    middle, most = np.percentile(waits, (50, 99))
    numbers = (middle, most, waits.max(), computed.max(), computed.sum(), max(searches, default=0.0))
    print(f"{name:34}{''.join(f'{number:9.1f}' for number in numbers)}", flush=True)


def heading(words: str) -> None:
    """Print what a row is and what its columns are."""
    print(f"{words:34}{''.join(f'{column:>9}' for column in COLUMNS)}", flush=True)


def noise(edge: int, seed: int) -> np.ndarray:
    """Return an image of nothing but noise."""
    return np.random.default_rng(seed).normal(50, 7, (edge, edge)).astype(np.float32)


def at_once(work: Callable[[], Any]) -> np.ndarray:
    """Return how late ticks were when this was done within one of them, and what it draws after it."""
    return from_press(work, lambda: True, 1.2)


def from_press(press: Callable[[], Any], while_true: Callable[[], bool], seconds: float) -> np.ndarray:
    """Return how late ticks were from this, done in the event loop, to the end of what it begins."""
    QTimer.singleShot(50, press)
    return np.hstack([late(lambda: True, 0.3), late(while_true, seconds)])


def napari_alone(edge: int) -> None:
    """Print how late ticks are where napari adds layers of this size, of which all else was made before."""
    viewer = napari.Viewer(show_welcome_screen=False)
    late(lambda: True, 2)
    heading("napari alone, ms")
    for name in ("first", "again", "a third time"):
        shown = picture_of(noise(edge, 0))
        data, limits = shown.data(), shown.limits

        def added(data: Any = data, limits: Any = limits) -> None:
            viewer.add_image(data, contrast_limits=limits, scale=(1, 1), units=("angstrom",) * 2)

        told(f"add_image of {edge}², {name}", lambda added=added: at_once(added))
    told(
        "scale bar, first",
        lambda: at_once(lambda: setattr(viewer.canvas.overlays.scale_bar, "visible", True)),
    )
    told("grid of three, first", lambda: at_once(lambda: setattr(viewer.canvas.grid, "enabled", True)))
    told("a layer removed", lambda: at_once(viewer.layers.pop))
    loading = threading.Thread(target=importlib.import_module, args=("torch",))
    loading.start()
    told("torch loaded in a thread", lambda: late(loading.is_alive, 60))
    viewer.close()
