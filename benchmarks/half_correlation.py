"""How well a denoised half predicts the other raw half, beside the raw half and Gaussian low-passes.

    python benchmarks/half_correlation.py NOISY TARGET DENOISED

NOISY is what was denoised, TARGET the raw half it never saw. Three readings: the whole
micrograph; without structures wider than 400 px, because a shared slope of the illumination
lifts every low-pass; and the central 1024 × 1024 px. The correlation with the other raw half
rises as noise goes, and falls as structure is lost or invented.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cryoden.evaluation.half_metrics import readings
from cryoden.formats import micrographs
from cryoden.image.filters import gaussian
from cryoden.image.normalization import measure
from cryoden.micrograph import Pixels

WIDTHS = (1, 2, 3, 4, 6, 8, 10, 12, 16, 24)


def clipped(path: Path) -> Pixels:
    """Return a raw half z-scored, hot pixels limited, as the network sees it."""
    half = micrographs.read(path)
    return measure(half).apply(half.data)


def main() -> None:
    """Print the table."""
    noisy, target = (clipped(Path(name)) for name in sys.argv[1:3])
    rows = {"raw": noisy} | {f"Gaussian {width} px": gaussian(noisy, width) for width in WIDTHS}
    rows["denoised"] = micrographs.read(Path(sys.argv[3])).data
    print(f"{'':16}  whole   detail  center")
    for name, image in rows.items():
        found = readings(image, target)
        print(f"{name:16}{found.whole:8.4f}{found.detail:8.4f}{found.center:8.4f}")


if __name__ == "__main__":
    main()
