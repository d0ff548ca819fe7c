"""How long from a key to a picture in the browser, and what 20,000 rows cost.

Run: python benchmarks/paging.py [--edge 4096] [--device cpu]; below xvfb-run where there is no screen.
Writes micrographs of simulated disks in noise into a temporary folder, opens the real window on them, and
presses the key; times are from the key to the data of the layer, drawing included.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ["NAPARI_CONFIG"] = ""

import napari
import numpy as np
from napari.settings import get_settings
from qtpy.QtCore import QEventLoop, Qt
from qtpy.QtWidgets import QApplication

from cryoden.browsing.decisions import UNDECIDED
from cryoden.browsing.exposure_list import Exposure
from cryoden.browsing.kept_pictures import Choices, key_of
from cryoden.browsing.listed_facts import ListedFacts
from cryoden.io import mrc
from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings
from napari_cryoden.browsing.columns import COLUMNS, chooser
from napari_cryoden.browsing.exposure_table import ExposureTable
from napari_cryoden.browsing.table_view import ExposureView
from napari_cryoden.docks.browse import BrowseWidget

ROWS = 20_000
PATIENCE = 300.0  # s


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edge", type=int, default=4096)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--exposures", type=int, default=4)
    chosen = parser.parse_args()
    viewer = napari.Viewer(show=True)
    get_settings().application.playback_mode  # noqa: B018  settings are read before anything is timed
    table()
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), chosen.edge, chosen.exposures)
        page(viewer, Path(folder), chosen.device)
    viewer.close()


def write(folder: Path, edge: int, count: int) -> None:
    """Write micrographs of disks in noise at 1 Å/px."""
    for number in range(count):
        numbers = np.random.default_rng(number)
        pixels = numbers.normal(size=(edge, edge)).astype(np.float32)
        rows, columns = np.mgrid[-60:61, -60:61]
        disk = (np.hypot(rows, columns) < 60).astype(np.float32)
        for row, column in numbers.integers(0, edge - 121, (edge * edge // 40_000, 2)):
            pixels[row : row + 121, column : column + 121] -= 0.3 * disk
        mrc.write(folder / f"m{number:03d}.mrc", pixels, pixel_size=1.0, label="simulated")


def page(viewer: Any, folder: Path, device: str) -> None:
    """Time keys: to an exposure nobody has looked at, to the one after it, and back."""
    dock = BrowseWidget(viewer)
    viewer.window.add_dock_widget(dock, name="Browse")
    session = dock.session
    session.choose(Choices(GENERAL, DenoisingSettings(device=device)))
    dock.source.path = folder
    until(lambda: session.shown.stage == "denoised")
    last = dock.view.table.rowCount() - 1
    for words, row in (("far away, nothing ready", last), ("back to the first one, kept", 0)):
        report(words, dock, row)
    report("the next one, which was not ahead of the way back", dock, 1)
    ahead = key_of(session.table.exposures[2].name, "denoised", session.choices)
    until(lambda: ahead in session.kept)
    report("the one after it, made ahead", dock, 2)
    print(f"pictures kept: {len(session.kept)}, {session.kept.bytes / 2**20:.0f} MiB", flush=True)


def report(words: str, dock: Any, row: int) -> None:
    """Press the key, and print when raw, preview and denoised were shown."""
    session = dock.session
    name = session.table.exposures[session.table.order[row]].name
    begun = time.perf_counter()
    dock.view.look_at_row(row)
    held = 1e3 * (time.perf_counter() - begun)
    times: dict[str, float] = {}

    def seen() -> bool:
        if session.shown.name != name:
            return False
        now = 1e3 * (time.perf_counter() - begun)
        times.setdefault("raw", now)
        if session.shown.stage != "waiting":
            times.setdefault(session.shown.stage, now)
        return bool(session.shown.stage == "denoised")

    until(seen)
    drawn = time.perf_counter()
    QApplication.processEvents()
    parts = ", ".join(f"{stage} {ms:,.0f} ms" for stage, ms in times.items())
    took = 1e3 * (time.perf_counter() - drawn)
    print(f"{words}: {parts} (interface held {held:.0f} ms, drawing {took:.0f} ms)", flush=True)


def until(is_so: Any) -> None:
    """Let the interface live until this is so."""
    end = time.perf_counter() + PATIENCE
    while not is_so():
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 5)
        if time.perf_counter() > end:
            sys.exit("gave up waiting")


def table() -> None:
    """Print what a table of many rows costs: to make, sort, filter, and to draw at another place."""
    fits = np.random.default_rng(0).uniform(3, 9, ROWS)
    exposures = [
        Exposure(f"grid/m{n:06d}_EVN.mrc", facts=ListedFacts(1, 1, fit)) for n, fit in enumerate(fits)
    ]
    rows = ExposureTable()
    timed("list 20,000", lambda: rows.show_exposures(exposures, lambda _: UNDECIDED))
    for exposure in exposures[:2000]:
        rows.set_thumbnail(exposure.name, np.zeros((96, 96), np.uint8))
    view = ExposureView(rows)
    view.resize(900, 900)
    view.show()
    QApplication.processEvents()
    timed("sort by CTF fit", lambda: rows.sort(3, Qt.SortOrder.AscendingOrder))
    timed("filter fit<5", lambda: rows.filter(chooser("fit<5")))
    timed("show all again", lambda: rows.filter(chooser("")))
    bar: Any = view.verticalScrollBar()
    port: Any = view.viewport()
    frames = []
    for place in range(0, ROWS - 100, 97):
        begun = time.perf_counter()
        bar.setValue(place)
        port.repaint()
        frames.append(1e3 * (time.perf_counter() - begun))
    middle, late = np.percentile(frames, (50, 99))
    print(f"scroll: {len(frames)} places, median {middle:.1f} ms, 99 % within {late:.1f} ms a frame")
    begun = time.perf_counter()
    for row in range(1000):
        for column in range(len(COLUMNS)):
            rows.data(rows.index(row, column))
    cost = 1e6 * (time.perf_counter() - begun) / (1000 * len(COLUMNS))
    print(f"a cell: {cost:.1f} µs", flush=True)


def timed(words: str, work: Any) -> None:
    """Print how long this takes."""
    begun = time.perf_counter()
    work()
    print(f"{words}: {1e3 * (time.perf_counter() - begun):.0f} ms", flush=True)


if __name__ == "__main__":
    main()
