"""The real micrographs of `real`: what is fitted to, and what is judged by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cryoden.micrograph import Pixels

CLIPPED = 6.0  # standard deviations
LEVELS = 12  # of a standard deviation, in a packed file


@dataclass(frozen=True, eq=False)
class View:
    """A noisy image, one of independent noise, and those to fit to: ``(h, w)`` each, z-scored."""

    noisy: Pixels
    other: Pixels


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
    return np.clip((values - values.mean()) / values.std(), -CLIPPED, CLIPPED)


def arrays(source: Path) -> dict[str, Pixels]:
    """Return every micrograph by name, z-scored."""
    if source.suffix == ".npz":
        return {name: (np.asarray(v, np.float32) - 128) / LEVELS for name, v in np.load(source).items()}
    from cryoden.io import mrc  # noqa: PLC0415 - a packed file needs no MRC reader

    paths = {name: source / "k2_counting" / f"k2_micrograph_{name}.mrc" for name in ("EVN", "ODD")}
    for index, frame in enumerate(sorted((source / "apoferritin_pairs").glob("*_frame.mrc"))):
        paths |= {f"A{index}": frame, f"B{index}": frame.with_name(frame.name.replace("_frame", "_rest"))}
    paths |= {name: source / f"{name}_micrograph.mrc" for name in ("falcon", "contaminated")}
    return {name: scored(mrc.read(path).data) for name, path in paths.items() if path.exists()}


def pack(images: dict[str, Pixels], target: Path) -> None:
    """Write the images with 8 bits a pixel."""
    levels = {n: np.clip(np.rint(v * LEVELS) + 128, 0, 255).astype(np.uint8) for n, v in images.items()}
    np.savez_compressed(target, **levels)


def k2(images: dict[str, Pixels]) -> Data:
    """Return the left half of the micrograph to fit to, and blocks of the right half to judge by."""
    even, odd = images["EVN"], images["ODD"]
    middle = even.shape[1] // 2
    left, right = np.s_[:, :middle], np.s_[:, middle:]
    both = ((even, odd), (odd, even))
    fitted = [View(one[left], other[left]) for one, other in both]
    return Data(
        "K2 halves, 0.85 Å/px", 0.854, True, fitted, [View(one[right], other[right]) for one, other in both]
    )


def apoferritin(images: dict[str, Pixels]) -> Iterator[Data]:
    """Yield the folds of the frames: seven to fit to, the others to judge by."""
    views = [View(images[f"A{i}"], images[f"B{i}"]) for i in range(10) if f"A{i}" in images]
    for fold in range(3):
        judged = views[fold::3]
        yield Data(
            "apoferritin, 1.5 Å/px", 1.5, False, [view for view in views if view not in judged], judged
        )
