"""The real micrographs of `real`: what is fitted to, and what is judged by."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cryoden.micrograph import Pixels

CLIPPED = 6.0  # standard deviations
LEVELS = 12  # of a standard deviation, in a packed file
REGIONS = Path(__file__).with_name("regions.json")
FRAME = "_frame"  # ends the name of a frame of apoferritin
DRIFTED = "May08_06.09.02"  # the mean of its other frames is smeared along one direction: no fair judge


@dataclass(frozen=True, eq=False)
class Regions:
    """As many circles with a particle as with none: ``(n, 2)`` rows and columns, and both radii, px."""

    particles: NDArray[np.float64]
    background: NDArray[np.float64]
    radii: tuple[float, float]

    @classmethod
    def read(cls, name: str, left: int = 0) -> Regions:
        """Return those of a micrograph, of which so many columns were cut off."""
        found: Mapping[str, Any] = json.loads(REGIONS.read_text())[name]
        centers = (np.array(found[key], np.float64) - (0, left) for key in ("particles", "background"))
        return cls(*centers, tuple(found["radii"]))


@dataclass(frozen=True, eq=False)
class View:
    """A noisy image and one of independent noise, ``(h, w)`` each, z-scored; what else is known of it."""

    noisy: Pixels
    other: Pixels
    regions: Regions | None = None
    truth: Pixels | None = None


@dataclass(frozen=True, eq=False)
class Data:
    """Views to fit to and views to judge by, of one pixel size in Å; the same halves both ways, or pairs."""

    name: str
    pixel_size: float
    halves: bool
    fitted: Sequence[View]
    judged: Sequence[View]


def scored(pixels: NDArray[np.generic]) -> Pixels:
    """Return z-scored pixels, outliers clipped."""
    values = np.asarray(pixels, np.float32)
    return np.asarray(np.clip((values - values.mean()) / values.std(), -CLIPPED, CLIPPED), np.float32)


def arrays(source: Path) -> dict[str, Pixels]:
    """Return every micrograph by name, z-scored."""
    if source.suffix == ".npz":
        packed = np.load(source)
        return {name: np.asarray((packed[name] - np.float32(128)) / LEVELS, np.float32) for name in packed}
    from cryoden.formats import micrographs  # noqa: PLC0415 - a packed file needs no MRC reader

    paths = {name: source / "k2_counting" / f"k2_micrograph_{name}.mrc" for name in ("EVN", "ODD")}
    paths |= {path.stem: path for path in sorted((source / "apoferritin_pairs").glob("*.mrc"))}
    paths |= {name: source / f"{name}_micrograph.mrc" for name in ("falcon", "contaminated")}
    return {name: scored(micrographs.read(path).data) for name, path in paths.items() if path.exists()}


def pack(images: dict[str, Pixels], target: Path) -> None:
    """Write the images with 8 bits a pixel."""
    levels = {n: np.clip(np.rint(v * LEVELS) + 128, 0, 255).astype(np.uint8) for n, v in images.items()}
    np.savez_compressed(target, **levels)


def k2(images: dict[str, Pixels]) -> Data:
    """Return the left half of the micrograph to fit to, and the right half to judge by."""
    even, odd = images["EVN"], images["ODD"]
    middle = even.shape[1] // 2
    left, right = np.s_[:, :middle], np.s_[:, middle:]
    both = ((even, odd), (odd, even))
    regions = Regions.read("k2", middle)
    return Data(
        "K2 halves, 0.854 Å/px",
        0.854,
        True,
        [View(one[left], other[left]) for one, other in both],
        [View(one[right], other[right], regions) for one, other in both],
    )


def frames(images: dict[str, Pixels]) -> list[tuple[str, str]]:
    """Return the names of the frames, and of the means of the others, but of the exposure that drifted."""
    names = [name for name in images if name.endswith(FRAME) and DRIFTED not in name]
    return [(name, f"{name.removesuffix(FRAME)}_rest") for name in names]


def apoferritin(images: dict[str, Pixels]) -> Iterator[Data]:
    """Yield the folds of the frames: two thirds to fit to, the others to judge by."""
    views = [
        View(images[frame], images[rest], Regions.read(frame.removesuffix(FRAME)))
        for frame, rest in frames(images)
    ]
    for fold in range(3 if views else 0):
        judged = views[fold::3]
        fitted = [view for view in views if view not in judged]
        yield Data(f"apoferritin, {len(views)} frames, 1.5 Å/px", 1.5, False, fitted, judged)
