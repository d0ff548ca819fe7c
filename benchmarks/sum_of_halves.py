"""Whether the sum of both halves is denoised better at once, or as the mean of the denoised halves.

Run: python benchmarks/sum_of_halves.py [--count 3] [--edge 1024] [--device cpu]

On simulated exposures with known truth: correlation and SNR gain of both against the particles with the ice,
in all of the spectrum and in the particle band (340 to 20 Å). The general model denoises.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from cryoden.denoising.denoise import Denoiser, finished
from cryoden.formats import micrographs
from cryoden.image.filters import low_passed
from cryoden.micrograph import Micrograph, Pixels
from cryoden.model.checkpoint import load
from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.tools import SimulationSettings
from cryoden.simulation.files import simulate_files

BAND = (340.0, 20.0)  # Å


def main() -> None:
    """Print a line per exposure, and the means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=3)
    parser.add_argument("--edge", type=int, default=1024)
    parser.add_argument("--device", default="cpu")
    chosen = parser.parse_args()
    settings = SimulationSettings(count=chosen.count, edge=chosen.edge, pixel_size=1.5, device=chosen.device)
    denoiser = Denoiser(load(GENERAL), DenoisingSettings(device=chosen.device))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        list(simulate_files(Path(folder), settings))
        for even in sorted(Path(folder).glob("*_EVN.mrc")):
            rows.append(compared(even, denoiser))
            print(even.stem, *(f"{value:.4f}" for value in rows[-1]), flush=True)
    names = ("sum, all", "mean of halves, all", "sum, band", "mean of halves, band")
    for name, value in zip(names, np.mean(rows, axis=0), strict=True):
        print(f"CC with the truth, {name}: {value:.4f}")


def compared(even: Path, denoiser: Denoiser) -> tuple[float, ...]:
    """Return the correlations with the truth of the denoised sum, and of the mean of the denoised halves."""
    halves = [micrographs.read(even), micrographs.read(even.with_name(even.name.replace("_EVN", "_ODD")))]
    truth = micrographs.read(even.parent / "clean_with_ice" / even.name.replace("_EVN", "")).data
    whole = replace(halves[0], data=halves[0].data + halves[1].data)
    at_once = denoised(denoiser, whole)
    apart = denoised(denoiser, halves[0]) + denoised(denoiser, halves[1])
    size = halves[0].pixel_size or 1.0
    both = [at_once, apart]
    return (
        *(correlation(one, truth) for one in both),
        *(correlation(band(one, size), band(truth, size)) for one in both),
    )


def denoised(denoiser: Denoiser, micrograph: Micrograph) -> Pixels:
    """Return the pixels of a denoised micrograph."""
    return finished(denoiser.denoise(micrograph)).micrograph.data.copy()


def band(pixels: Pixels, size: float) -> Pixels:
    """Return what lies in the particle band."""
    return low_passed(pixels, size, BAND[1]) - low_passed(pixels, size, BAND[0])


def correlation(one: Pixels, other: Pixels) -> float:
    """Return Pearson's r."""
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


if __name__ == "__main__":
    main()
