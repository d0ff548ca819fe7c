"""One grey scale per micrograph: what is subtracted and divided before the network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cryoden.errors import MicrographError
from cryoden.micrograph import Pixels, Windowed

CLIP = 6.0  # standard deviations; Gaussian noise exceeds it twice in a billion pixels
ROUNDS = 5
BANDS = 16
MAX_PIXELS = 1 << 22


@dataclass(frozen=True)
class Normalization:
    """Mean and standard deviation of one micrograph, in its own grey scale.

    One pair of numbers for the whole micrograph, never one per tile, so that no contrast
    steps appear between tiles.
    """

    mean: float
    std: float

    def apply(self, pixels: Pixels) -> Pixels:
        """Return z-scored pixels; outliers are brought to ±`CLIP` standard deviations."""
        scored = (pixels - np.float32(self.mean)) * np.float32(1 / self.std)
        return np.clip(scored, -CLIP, CLIP, out=scored)

    def undo(self, pixels: Pixels) -> Pixels:
        """Return z-scored pixels in the micrograph's grey scale."""
        return pixels * np.float32(self.std) + np.float32(self.mean)


def measure(micrograph: Windowed) -> Normalization:
    """Measure mean and standard deviation without hot pixels and cosmic rays.

    Values beyond `CLIP` standard deviations are left out, and the rest measured again, until
    nothing changes. At most 4 million pixels are read, in bands of rows spread evenly over the
    micrograph.

    Raises
    ------
    MicrographError
        F24 for pixels that are not finite, F25 for a micrograph without contrast.
    """
    kept = _sample(micrograph).astype(np.float64)
    if not np.isfinite(kept).all():
        raise MicrographError(
            "F24", micrograph.path or micrograph.name, "has pixels that are NaN or infinite", kept="Skipped"
        )
    for _ in range(ROUNDS):
        mean, std = float(kept.mean()), float(kept.std())
        inside = np.abs(kept - mean) <= CLIP * std
        if inside.all():
            break
        kept = kept[inside]
    if not std > 1e-6 * abs(mean):
        raise MicrographError(
            "F25", micrograph.path or micrograph.name, "no contrast: std = 0", kept="Skipped"
        )
    return Normalization(mean, std)


def _sample(micrograph: Windowed) -> Pixels:
    height, width = micrograph.shape
    if height * width <= MAX_PIXELS:
        return micrograph.window(0, 0, height, width).ravel()
    rows = max(1, MAX_PIXELS // (BANDS * width))
    tops = np.linspace(0, height - rows, BANDS).astype(int)
    return np.concatenate([micrograph.window(int(top), 0, rows, width).ravel() for top in tops])
