"""Small scenes for tests: real signal, independent noise, known truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cryoden.io import mrc
from cryoden.micrograph import HalfPair, Micrograph, Pixels
from cryoden.sampling.holdout import TrainingPair


@dataclass(frozen=True)
class Known:
    """A pair of halves and what both show."""

    even: Micrograph
    odd: Micrograph
    clean: Pixels

    @property
    def pair(self) -> TrainingPair:
        return TrainingPair(self.even, self.odd)

    @property
    def halves(self) -> HalfPair:
        return HalfPair(self.even, self.odd)


def scene(seed: int = 0, shape: tuple[int, int] = (160, 192), signal: float = 0.4) -> Known:
    """Return dark disks on a flat ground under white noise of standard deviation 1."""
    numbers = np.random.default_rng(seed)
    rows, columns = np.indices(shape)
    clean = np.zeros(shape)
    for row, column in numbers.integers(0, shape, (shape[0] * shape[1] // 1500, 2)):
        near = slice(max(0, row - 6), row + 7), slice(max(0, column - 6), column + 7)
        clean[near] -= np.hypot(rows[near] - row, columns[near] - column) < 6
    clean = signal * (clean - clean.mean()) / clean.std()
    even, odd = ((100 + 10 * (clean + numbers.normal(size=shape))).astype(np.float32) for _ in range(2))
    return Known(
        Micrograph(even, 1.5, f"m{seed}_EVN"), Micrograph(odd, 1.5, f"m{seed}_ODD"), clean.astype(np.float32)
    )


def write_halves(folder: Path, known: Known) -> tuple[Path, Path]:
    """Write both halves as MRC files by their names."""
    paths = folder / f"{known.even.name}.mrc", folder / f"{known.odd.name}.mrc"
    for path, half in zip(paths, (known.even, known.odd), strict=True):
        mrc.write(path, half.data, pixel_size=half.pixel_size, label="a half made for a test")
    return paths


def correlation(a: Pixels, b: Pixels) -> float:
    """Return Pearson's r."""
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])
