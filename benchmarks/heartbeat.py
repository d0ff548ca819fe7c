"""How long the interface makes one wait while it trains and denoises, and what showing a run costs it.

    python benchmarks/heartbeat.py [--seconds 30] [--edge 4096]

A timer of 5 ms ticks in the interface's thread of a real window; what it is late by is what a person
would wait for a click. Idle, while a micrograph is opened, denoised and its result added, and while
training with plot and live preview. On a busy machine ticks are late whatever the interface does: the last
two columns are processor time of its thread, between two ticks at most, and in all.
Then the same training is run without a window, on all cores where the window leaves one to the interface,
for the steps per second. Without a screen:

    xvfb-run -a -s "-screen 0 1600x1000x24 +extension GLX" python benchmarks/heartbeat.py
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import napari
import numpy as np
import torch
from napari.layers import Layer
from qtpy.QtCore import QEventLoop, Qt, QTimer

from cryoden.events.training import StepFinished
from cryoden.io import mrc
from cryoden.settings.training import TrainingSettings
from cryoden.workflows import train_model
from napari_cryoden.docks.denoise import DenoiseWidget
from napari_cryoden.docks.train import TrainWidget
from napari_cryoden.jobs.opening import OpeningJob
from napari_cryoden.layers.file_layer import sample_pairs
from napari_cryoden.layers.half_pairs import pairs_of

TICK_MS = 5


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


def told(name: str, wait: Callable[[], np.ndarray]) -> None:
    """Print one row."""
    waits, computed = wait()
    middle, most = np.percentile(waits, (50, 99))
    numbers = (middle, most, waits.max(), computed.max(), computed.sum())
    print(f"{name:34}{''.join(f'{number:10.1f}' for number in numbers)}", flush=True)


def trained(viewer: Any, seconds: float, folder: Path, *, preview: bool) -> tuple[np.ndarray, float]:
    """Return how late ticks were while the Train dock trained, and the steps per second."""
    dock = TrainWidget(viewer)
    docked = viewer.window.add_dock_widget(dock, name="Train a denoiser", area="right")
    late(lambda: not dock.train_button.isEnabled(), 30)
    dock.folder.path = folder / f"watched{preview}"
    if preview:
        dock.preview.layer.layer = viewer.layers[0]
    dock.train_button.click()
    late(lambda: len(dock.run.history.steps) < 3, 60)  # loading torch and measuring are not training
    begun, since = len(dock.run.history.steps), time.perf_counter()
    waits = late(lambda: dock.run.running, seconds)
    speed = (len(dock.run.history.steps) - begun) / (time.perf_counter() - since)
    dock.run.stop()
    dock.run.previews.look(None)
    late(lambda: dock.run.running, 20)
    viewer.window.remove_dock_widget(docked)
    return waits, speed


def alone(viewer: Any, seconds: float) -> float:
    """Return the steps per second of the same training without a window to show it."""
    pairs = [pair.opener()() for pair in pairs_of(viewer.layers)]
    events = train_model.train_halves(pairs, None, TrainingSettings())
    steps = (event for event in events if isinstance(event, StepFinished))
    first = next(islice(steps, 2, None))
    last = next(step for step in steps if step.elapsed - first.elapsed > seconds)
    return (last.step - first.step) / (last.elapsed - first.elapsed)


def large(viewer: Any, edge: int, folder: Path) -> None:
    """Print how late ticks were while a micrograph of this edge was opened, denoised and its result added."""
    pixels = np.random.default_rng(0).normal(50, 7, (edge, edge)).astype(np.float32)
    path = folder / "large.mrc"
    mrc.write(path, pixels, pixel_size=1.0, label="noise")
    opening = OpeningJob.of(viewer)

    def opened() -> np.ndarray:
        opening.open([path])
        return np.hstack([late(lambda: opening.running, 60), late(lambda: True, 1)])

    told(f"opening {edge}²", opened)
    dock = DenoiseWidget(viewer)
    docked = viewer.window.add_dock_widget(dock, name="Denoise", area="right")
    dock.layer.layer = viewer.layers["large"]
    late(lambda: True, 1)
    job = dock.denoising

    def denoising() -> np.ndarray:
        dock.denoise_button.click()
        return late(lambda: job.running and (job.tiles[1] == 0 or job.tiles[0] < job.tiles[1]), 300)

    told(f"denoising {edge}²", denoising)
    told(
        "adding its result",
        lambda: np.hstack([late(lambda: job.running, 60), late(lambda: True, 1)]),
    )
    viewer.window.remove_dock_widget(docked)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0, help="of training; 0 for none")
    parser.add_argument("--edge", type=int, default=4096)
    asked = parser.parse_args()
    viewer = napari.Viewer(show_welcome_screen=False)
    for data in sample_pairs() if asked.seconds else ():
        viewer.add_layer(Layer.create(*data))
    late(lambda: True, 3)
    print(f"{'ticks late by, ms':34}{'median':>10}{'p99':>10}{'most':>10}{'at once':>10}{'in all':>10}")
    told("idle", lambda: late(lambda: True, 5))
    with TemporaryDirectory() as folder:
        if asked.seconds:
            trainings(viewer, asked.seconds, Path(folder))
        large(viewer, asked.edge, Path(folder))
    viewer.close()


def trainings(viewer: Any, seconds: float, folder: Path) -> None:
    """Print how late ticks were in training, and what share of its speed showing a run leaves."""
    speeds = []
    for name, preview in (("training, plot", False), ("training, plot and preview", True)):

        def watched(preview: bool = preview) -> np.ndarray:
            waits, speed = trained(viewer, seconds, folder, preview=preview)
            speeds.append(speed)
            return waits

        told(name, watched)
    bare = alone(viewer, seconds)
    print(f"steps per second on {torch.get_num_threads()} thread(s): {bare:.2f} without a window,")
    print(f"{speeds[0] / bare:.2f} of that with the plot, {speeds[1] / bare:.2f} with plot and live preview")


if __name__ == "__main__":
    main()
