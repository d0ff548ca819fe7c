"""Draws docs/images/simulated.png from the simulator itself: python docs/draw_simulated.py."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cryoden.image.filters import gaussian
from cryoden.micrograph import Pixels
from cryoden.reporting.thumbnails import png
from cryoden.simulation.assemblies import AssemblyRecipe
from cryoden.simulation.exposure import SAMPLE, SimulatedExposure, exposed

PAGE = Path(__file__).with_name("images") / "simulated.png"
SHOWN, GAP = 384, 6  # px
CROWDED = replace(
    SAMPLE,
    edge=2 * SHOWN,
    particles=50,
    recipes=(AssemblyRecipe("C2", 250), AssemblyRecipe("O", 900, 35, seed=4), AssemblyRecipe("D3", 400)),
    carbon=0.3,
    gold=4,
    contamination=4,
    seed=3,
)


def tile(image: Pixels) -> NDArray[np.uint8]:
    """Return one corner of an image in gray, with a margin."""
    low, high = np.percentile(image, (1, 99.5))
    gray = np.clip((image[:SHOWN, :SHOWN] - low) / (high - low) * 255, 0, 255).astype(np.uint8)
    return np.pad(gray, ((0, GAP), (0, GAP)), constant_values=255)


def row(shown: SimulatedExposure, binning: int) -> NDArray[np.uint8]:
    """Return even half, the same smoothed by 16 Å, clean, and clean with ice."""
    images = (shown.even, gaussian(shown.even, 8), shown.clean, shown.clean_with_ice)
    side = shown.scene.edge // binning
    blocks = [image.reshape(side, binning, side, binning).mean((1, 3)) for image in images]
    return np.hstack([tile(image) for image in blocks])


def main() -> None:
    """Write the picture."""
    rows = row(exposed(replace(SAMPLE, seed=1)), 1), row(exposed(CROWDED), 2)
    PAGE.write_bytes(png(np.vstack(rows)))


if __name__ == "__main__":
    main()
