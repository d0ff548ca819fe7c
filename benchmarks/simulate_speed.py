"""How long one simulated exposure takes, from the recipe to both halves and the truth.

    python benchmarks/simulate_speed.py [--edge 4096] [--particles 200] [--pixel-size 1.0] [--device auto]

Without writing files. Seconds of the clock, and of all processor cores together.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time

import numpy as np

from cryoden.compute import devices
from cryoden.settings.tools import SimulationSettings
from cryoden.simulation.assemblies import assembly, random_recipe
from cryoden.simulation.exposure import exposed
from cryoden.simulation.files import scene


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--edge", type=int, default=4096)
    parser.add_argument("--particles", type=int, default=200)
    parser.add_argument("--pixel-size", type=float, default=1.0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    settings = SimulationSettings(edge=asked.edge, particles=asked.particles, pixel_size=asked.pixel_size)
    device = devices.resolve(asked.device)
    for index in range(asked.repeats):
        numbers = np.random.default_rng((index, 3))
        clock, worked = time.perf_counter(), time.process_time()
        structure = assembly(random_recipe(numbers))
        exposed(scene(settings, index, numbers), [structure], device)
        clock, worked = time.perf_counter() - clock, time.process_time() - worked
        print(f"{structure.name}: {clock:.1f} s, {worked:.1f} s of processor time")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(f"{devices.describe(device)}, {asked.edge}² px, peak {peak / 2**20:.0f} MiB")


if __name__ == "__main__":
    main()
