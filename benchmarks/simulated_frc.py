"""How alike two real halves are, ring by ring, beside two simulated ones of the same exposure.

    python benchmarks/simulated_frc.py EVEN ODD [--defocus 1.04] [--b-factor 60 120 300]

EVEN and ODD are the halves of a K2 micrograph of a D2 protein of 465 kDa, 47.6 e⁻/Å², 1.04 µm
under focus, with some 90 particles. The simulated exposures have its pixel size, counts, and
number of particles per area; their protein is random but for symmetry and mass. Of the real
halves the central square is taken.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from cryoden.formats import micrographs
from cryoden.image.spectra import RadialProfile, fourier_ring_correlation
from cryoden.micrograph import Pixels
from cryoden.simulation.assemblies import AssemblyRecipe
from cryoden.simulation.detector import Detector
from cryoden.simulation.exposure import exposed
from cryoden.simulation.optics import Optics
from cryoden.simulation.scene import Scene

EDGE = 3328  # px of both; no more than the real micrograph has
BANDS = (
    400,
    160,
    110,
    80,
    60,
    45,
    35,
    28,
    22,
    17,
    14,
    12,
    10,
    9,
    8,
    7,
    6,
    5,
    4.2,
    3.9,
    3.5,
    3,
    2.5,
    2.1,
    1.8,
)


def banded(frc: RadialProfile) -> list[float]:
    """Return the mean of each band of wavelengths, every coefficient counted."""
    lengths = 1 / frc.frequencies
    inside = [(lengths <= long) & (lengths > short) for long, short in pairwise(BANDS)]
    return [float(np.average(frc.values[band], weights=frc.counts[band])) for band in inside]


def center(path: Path) -> tuple[Pixels, float]:
    """Return the central square and its pixel size."""
    half = micrographs.read(path)
    top, left = ((side - EDGE) // 2 for side in half.data.shape)
    assert half.pixel_size
    return half.data[top : top + EDGE, left : left + EDGE], half.pixel_size


def simulated(scene: Scene, empty: bool = False) -> list[float]:
    """Return the bands of one simulated exposure, or of one without particles."""
    shown = exposed(replace(scene, particles=0) if empty else scene)
    return banded(fourier_ring_correlation(shown.even, shown.odd, scene.pixel_size))


def show(names: Sequence[str], columns: Sequence[Sequence[float]]) -> None:
    """Print a table with one row for each band."""
    print("| Å | " + " | ".join(names) + " |")
    print("|---" * (len(names) + 1) + "|")
    for (long, short), row in zip(pairwise(BANDS), zip(*columns, strict=True), strict=True):
        print(f"| {long:g}–{short:g} | " + " | ".join(f"{value:.3f}" for value in row) + " |")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("even", type=Path)
    parser.add_argument("odd", type=Path)
    parser.add_argument("--defocus", type=float, default=1.04)
    parser.add_argument("--particles", type=int, default=70)
    parser.add_argument("--ice", type=float, default=300.0)
    parser.add_argument("--b-factor", type=float, nargs="+", default=(60.0, 120.0, 300.0))
    asked = parser.parse_args()
    (even, pixel_size), (odd, _) = center(asked.even), center(asked.odd)
    optics = Optics(defocus=asked.defocus, astigmatism=100.0)
    scene = Scene(
        edge=EDGE,
        pixel_size=pixel_size,
        particles=asked.particles,
        recipes=(AssemblyRecipe("D2", 465, aspect=1.3),),
        optics=optics,
        dose=47.6,
        detector=Detector(efficiency=1.0),  # the dose was read off the counts
        ice=asked.ice,
        slope=0.05,
    )
    columns = {"real": banded(fourier_ring_correlation(even, odd, pixel_size))}
    for b_factor in asked.b_factor:
        columns[f"B {b_factor:g} Å²"] = simulated(replace(scene, optics=replace(optics, b_factor=b_factor)))
    columns["no particles"] = simulated(scene, empty=True)
    print(f"mean counts per half: {even.mean():.1f} e⁻/px; {scene.dose / 2 * pixel_size**2:.1f} arrive")
    show(list(columns), list(columns.values()))


if __name__ == "__main__":
    main()
