"""Simulate the sample data that come with the program, in some 20 seconds.

    python scripts/make_sample.py

The counts of a half are below 256, and a byte each. To be made again whenever the simulator changes.
"""

from __future__ import annotations

import numpy as np
from safetensors.numpy import save_file

from cryoden.simulation.exposure import SAMPLE as SCENE
from cryoden.simulation.exposure import simulated_sample
from cryoden.simulation.sample import SAMPLE


def main() -> None:
    """Write the file."""
    halves = [half for pair in simulated_sample() for half in (pair.even, pair.odd)]
    counts = {half.name: half.window(0, 0, *half.shape).astype(np.uint8) for half in halves}
    save_file(counts, SAMPLE, {"scene": repr(SCENE), "pixel_size": repr(SCENE.pixel_size)})


if __name__ == "__main__":
    main()
