"""Repeats the baseline experiment at its full size on simulated micrographs, with a GPU.

    python scripts/whole_experiment.py RUN [--micrographs 177] [--epochs 2] [--engine auto] [--pairs FOLDER]

177 micrographs of 4096², patches of 1024² at a stride of 256, are the experiment's 29,913 pairs. The
micrographs stay in memory and the pairs are made on the fly: written to disk they would be 251 GB. With
``--pairs`` they are written into that folder first, and read from it.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cryoden.cli.show_training import follow_training
from cryoden.compute import devices
from cryoden.events.training import EpochFinished, TrainingEvent
from cryoden.experiment.build import build
from cryoden.experiment.pairs import PatchPairs
from cryoden.experiment.store import PatchStore
from cryoden.experiment.workflow import baseline
from cryoden.micrograph import Micrograph
from cryoden.runs.folder import RunFolder
from cryoden.settings.baseline import BaselineSettings, Engine, PatchSettings
from cryoden.simulation.exposure import exposed
from cryoden.simulation.scene import Scene

AT_ONCE = 4  # exposures that are simulated


def micrographs(count: int, edge: int) -> list[Micrograph]:
    """Return simulated micrographs, counts of 40 e⁻/Å² at 1 Å/px."""
    device = devices.resolve("auto")

    def made(number: int) -> Micrograph:
        particles = round(300 * (edge / 4096) ** 2)
        scene = Scene(edge=edge, pixel_size=1.0, particles=particles, seed=number)
        return Micrograph(exposed(scene, None, device).full, scene.pixel_size, f"simulated {number}")

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(made, range(count)))
    devices.give_back()
    return found


def timed(events: Iterable[TrainingEvent]) -> Iterator[TrainingEvent]:
    """Pass events on; print the time of all epochs, without validation."""
    spent, images = 0.0, 0.0
    for event in events:
        yield event
        if isinstance(event, EpochFinished) and event.speed is not None:
            spent += event.speed.seconds
            images += event.speed.images * event.speed.seconds
            print(f"so far {images:,.0f} images in {spent:.2f} s", flush=True)


def main() -> None:
    """Simulate, train and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--micrographs", type=int, default=177)
    parser.add_argument("--edge", type=int, default=4096, help="of a micrograph")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--pairs", type=Path, help="a folder to write the pairs into, and to read them from")
    asked = parser.parse_args()
    began = time.monotonic()
    cut = PatchSettings(patch=1024, stride=256)
    pairs: PatchPairs | PatchStore = PatchPairs(micrographs(asked.micrographs, asked.edge), None, cut)
    print(f"{len(pairs):,} pairs of {asked.micrographs} micrographs ({time.monotonic() - began:.0f} s)")
    if asked.pairs is not None and isinstance(pairs, PatchPairs):
        *_, _ = build(pairs, asked.pairs)
        pairs = PatchStore(asked.pairs)
        print(f"written ({time.monotonic() - began:.0f} s)")
    engine: Engine = asked.engine
    settings = BaselineSettings(epochs=asked.epochs, engine=engine, threads=os.cpu_count() or 4)
    follow_training(timed(baseline(pairs, RunFolder(asked.run), settings)), as_json=False)
    print(f"all of it, simulation and report, too: {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
