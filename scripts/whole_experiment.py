"""Repeats the baseline experiment at its full size on simulated micrographs, with a GPU.

    python scripts/whole_experiment.py RUN [--micrographs 177] [--epochs 2] [--engine auto]

177 micrographs of 4096², patches of 1024² at a stride of 256, are the experiment's 29,913 pairs. The
micrographs stay in memory and the pairs are made on the fly: written to disk they would be 251 GB.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

from cryoden.cli.show_training import follow_training
from cryoden.compute import devices
from cryoden.experiment.pairs import PatchPairs
from cryoden.experiment.workflow import baseline
from cryoden.micrograph import Micrograph
from cryoden.runs.folder import RunFolder
from cryoden.settings.baseline import BaselineSettings, Engine, PatchSettings
from cryoden.simulation.exposure import exposed
from cryoden.simulation.scene import Scene


def micrographs(count: int) -> list[Micrograph]:
    """Return simulated micrographs of 4096², counts of 40 e⁻/Å² at 1 Å/px."""
    device = devices.resolve("auto")
    scenes = (Scene(edge=4096, pixel_size=1.0, particles=300, seed=number) for number in range(count))
    return [
        Micrograph(exposed(scene, None, device).full, scene.pixel_size, f"simulated {number}")
        for number, scene in enumerate(scenes)
    ]


def main() -> None:
    """Simulate, train and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--micrographs", type=int, default=177)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--engine", default="auto")
    asked = parser.parse_args()
    began = time.monotonic()
    pairs = PatchPairs(micrographs(asked.micrographs), None, PatchSettings(patch=1024, stride=256))
    print(f"{len(pairs):,} pairs of {asked.micrographs} micrographs ({time.monotonic() - began:.0f} s)")
    engine: Engine = asked.engine
    settings = BaselineSettings(epochs=asked.epochs, engine=engine, threads=os.cpu_count() or 4)
    follow_training(baseline(pairs, RunFolder(asked.run), settings), as_json=False)


if __name__ == "__main__":
    main()
