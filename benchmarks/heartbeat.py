"""How long the interface makes one wait while it trains, opens, denoises and pages.

    python benchmarks/heartbeat.py [--seconds 30] [--edge 4096]

A timer of 5 ms ticks in the interface's thread of a real window; what it is late by is what a person
would wait for a click. On a busy machine ticks are late whatever the interface does: the next two columns
are processor time of its thread, between two ticks at most, and in all. The last is the longest time in
which Python searched all objects for garbage, whichever thread it did so in: all others wait.

What napari alone takes for layers of this size is measured first, in a process of its own. "First" is the
first time in a window, in which much is loaded and compiled.
Then the same training is run without a window, on all cores where the window leaves one to the interface,
for the steps per second. Without a screen:

    xvfb-run -a -s "-screen 0 1600x1000x24 +extension GLX" python benchmarks/heartbeat.py
"""

from __future__ import annotations

import argparse
import gc
import os
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ["NAPARI_CONFIG"] = ""  # no settings of the person who runs it

import napari
import numpy as np
from heartbeat_ticks import from_press, heading, late, napari_alone, noise, searched, told
from napari.layers import Layer

from cryoden.browsing.kept_pictures import Choices
from cryoden.io import mrc
from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.training import TrainingSettings
from napari_cryoden.docks.browse import BrowseWidget
from napari_cryoden.docks.denoise import DenoiseWidget
from napari_cryoden.docks.train import TrainWidget
from napari_cryoden.jobs.opening import OpeningJob
from napari_cryoden.layers.file_layer import sample_pairs
from napari_cryoden.layers.half_pairs import pairs_of

TIMES = ("first", "again")


def trained(viewer: Any, seconds: float, folder: Path, *, preview: bool) -> tuple[np.ndarray, float]:
    """Return how late ticks were while the Train dock trained, and the steps per second."""
    dock = TrainWidget(viewer)
    docked = viewer.window.add_dock_widget(dock, name="Train a denoiser", area="right")
    late(lambda: not dock.train_button.isEnabled(), 30)
    dock.folder.path = folder / f"watched{preview}"
    if preview:
        dock.preview.layer.layer = viewer.layers[-1]
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
    from cryoden.events.training import StepFinished  # noqa: PLC0415  so that the first denoising loads torch
    from cryoden.workflows import train_model  # noqa: PLC0415

    pairs = [pair.opener()() for pair in pairs_of(viewer.layers)]
    events = train_model.train_halves(pairs, None, TrainingSettings())
    steps = (event for event in events if isinstance(event, StepFinished))
    first = next(islice(steps, 2, None))
    last = next(step for step in steps if step.elapsed - first.elapsed > seconds)
    return (last.step - first.step) / (last.elapsed - first.elapsed)


def large(viewer: Any, edge: int, folder: Path) -> None:
    """Print how late ticks were while micrographs were opened and denoised, one after another."""
    for seed, name in enumerate(TIMES):
        mrc.write(folder / f"{name}.mrc", noise(edge, seed), pixel_size=1.1, label="noise")
    opening = OpeningJob.of(viewer)
    for name in TIMES:

        def opened(name: str = name) -> np.ndarray:
            path = folder / f"{name}.mrc"
            opened = from_press(lambda: opening.open([path]), lambda: opening.running, 60)
            return np.hstack([opened, late(lambda: True, 1)])

        told(f"opening {edge}², {name}", opened)
    dock = DenoiseWidget(viewer)
    docked = viewer.window.add_dock_widget(dock, name="Denoise", area="right")
    for name in TIMES:
        dock.layer.layer = viewer.layers[name]
        late(lambda: True, 1)
        denoised(dock, edge, name)
    viewer.window.remove_dock_widget(docked)


def denoised(dock: DenoiseWidget, edge: int, name: str) -> None:
    """Print how late ticks were while a micrograph was denoised, and from the last tile to its result."""
    job = dock.denoising

    def denoising() -> np.ndarray:
        def is_busy() -> bool:
            return job.running and (job.tiles[1] == 0 or job.tiles[0] < job.tiles[1])

        return from_press(dock.denoise_button.click, is_busy, 300)

    told(f"denoising {edge}², {name}", denoising)
    told(
        f"adding its result, {name}",
        lambda: np.hstack([late(lambda: job.running, 60), late(lambda: True, 1)]),
    )


def paged(edge: int, folder: Path) -> None:
    """Print how late ticks were from a key in Browse to the whole denoised picture."""
    viewer = napari.Viewer(show_welcome_screen=False)
    for seed in range(4):
        mrc.write(folder / f"m{seed}.mrc", noise(edge, seed), pixel_size=1.1, label="noise")
    dock = BrowseWidget(viewer)
    viewer.window.add_dock_widget(dock, name="Browse", area="right")
    dock.session.choose(Choices(GENERAL, DenoisingSettings(device="cpu")))

    def looking(row: int | None) -> np.ndarray:
        def press() -> None:
            if row is None:
                dock.source.path = folder
            else:
                dock.view.look_at_row(row)

        def is_late() -> bool:
            shown, wanted = dock.session.shown, dock.session.exposure
            return wanted is None or shown.name != wanted.name or shown.stage != "denoised"

        return np.hstack([from_press(press, is_late, 300), late(lambda: True, 1)])

    for words, row in (("the first one", None), ("one that is not ready", 3), ("back, kept", 0)):
        told(f"Browse {edge}², {words}", lambda row=row: looking(row))
    viewer.close()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0, help="of training; 0 for none")
    parser.add_argument("--edge", type=int, default=4096)
    parser.add_argument("--napari-alone", action="store_true")
    asked = parser.parse_args()
    gc.callbacks.append(searched)
    if asked.napari_alone:
        napari_alone(asked.edge)
        return
    alone_first = [sys.executable, __file__, "--napari-alone", "--edge", str(asked.edge)]
    subprocess.run(alone_first, check=True)  # noqa: S603  this file
    viewer = napari.Viewer(show_welcome_screen=False)
    late(lambda: True, 3)
    heading("ticks late by, ms")
    told("idle", lambda: late(lambda: True, 5))
    with TemporaryDirectory() as folder, TemporaryDirectory() as pages:
        large(viewer, asked.edge, Path(folder))
        paged(asked.edge, Path(pages))
        viewer.close()
        if asked.seconds:
            trainings(asked.seconds, Path(folder))


def trainings(seconds: float, folder: Path) -> None:
    """Print how late ticks were in training, and what share of its speed showing a run leaves."""
    viewer = napari.Viewer(show_welcome_screen=False)
    for data in sample_pairs():
        viewer.add_layer(Layer.create(*data))
    speeds = []
    for name, preview in (("training, plot", False), ("training, plot and preview", True)):

        def watched(preview: bool = preview) -> np.ndarray:
            waits, speed = trained(viewer, seconds, folder, preview=preview)
            speeds.append(speed)
            return waits

        told(name, watched)
    bare = alone(viewer, seconds)
    print(f"steps per second: {bare:.2f} without a window,")
    viewer.close()
    print(f"{speeds[0] / bare:.2f} of that with the plot, {speeds[1] / bare:.2f} with plot and live preview")


if __name__ == "__main__":
    main()
