"""Micrographs as a network sees them: z-scored, at the working pixel size.

Nothing finer than about 8 Å can be recovered from one micrograph, so most networks work on
pixels of about 3 Å: noise falls with the pixel's side, a network sees farther with the same
layers, and there are fewer pixels to compute.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import RLock

import numpy as np
import torch

from cryoden.compute.memory import free_main_memory
from cryoden.image.normalization import Normalization, measure
from cryoden.image.resampling import LOBES, Resampling, working_shape
from cryoden.io.mrc_windows import finite_window
from cryoden.micrograph import Pixels, Windowed
from cryoden.model.checkpoint import Model
from cryoden.model.pixel_scale import ASSUMED, scale_of
from cryoden.sampling.holdout import TrainingPair
from cryoden.settings.training import TrainingSettings

CHOSEN = 3.0  # Å/px
KEPT_SHARE = 0.5  # of the memory that is free, for micrographs at the working pixel
ROWS = 128  # working rows that are computed at once
REACH = 2 * LOBES + 2  # working px: a kernel reaches three lobes to either side, and is rounded up


@dataclass(frozen=True)
class WorkingPairs:
    """Pairs as a network sees them.

    Parameters
    ----------
    pairs : sequence of TrainingPair
        Of `WorkingMicrograph`.
    working_pixel : float or None
        Å/px, ``None`` for each micrograph's own pixels.
    pixel_size : float or None
        Å/px of the micrographs.
    warnings : tuple of str
        What was assumed.
    """

    pairs: Sequence[TrainingPair]
    working_pixel: float | None
    pixel_size: float | None
    warnings: tuple[str, ...]


def at_working_pixel(
    pairs: Sequence[TrainingPair], settings: TrainingSettings, start: Model | None = None
) -> WorkingPairs:
    """Return the pairs at the working pixel size; the first to fit are kept in memory once read."""
    working = working_pixel(pairs, settings, start)
    sizes = [pair.noisy.pixel_size for pair in pairs]
    unknown = [pair.name for pair, size in zip(pairs, sizes, strict=True) if not size and working]
    warnings = (
        (f"no pixel size in the header of {unknown[0]}: {ASSUMED:g} Å/px assumed, the result may be wrong",)
        if unknown
        else ()
    )
    return WorkingPairs(_working_pairs(pairs, working), working, next(filter(None, sizes), None), warnings)


def working_pixel(
    pairs: Sequence[TrainingPair], settings: TrainingSettings, start: Model | None = None
) -> float | None:
    """Return the Å/px to train at, ``None`` for each micrograph's own pixels.

    What the user chose, else that of the model a run goes on from, else what suits the network;
    never finer than the coarsest micrograph.
    """
    usual = CHOSEN if settings.network == "unet" else None
    wanted = settings.working_pixel or (start.working_pixel if start else usual)
    return max((wanted, *(pair.noisy.pixel_size or ASSUMED for pair in pairs))) if wanted else None


def _working_pairs(pairs: Sequence[TrainingPair], working: float | None) -> list[TrainingPair]:
    left = int(KEPT_SHARE * free_main_memory())
    found = []
    for pair in pairs:
        scale = scale_of(working, pair.noisy.pixel_size)
        height, width = working_shape(pair.noisy.shape, scale)
        left -= 2 * 4 * height * width
        keep = scale > 1 and left >= 0
        noisy, target = (WorkingMicrograph(half, scale, keep=keep) for half in (pair.noisy, pair.target))
        found.append(TrainingPair(noisy, target))
    return found


def reach(micrograph: Windowed) -> int:
    """Return how many working px apart two parts see no pixel of the file in common; 0 in its own pixels."""
    return REACH if isinstance(micrograph, WorkingMicrograph) and micrograph.scale > 1 else 0


class WorkingMicrograph:
    """One micrograph at the working pixel size, of unit variance; read and measured when needed.

    Parameters
    ----------
    micrograph : Windowed
        The micrograph in its own pixels and gray scale.
    scale : float
        Working pixel over micrograph pixel, at least 1.
    keep : bool
        Whether to compute it whole and keep it. Else each window is computed when asked for,
        which takes some ten times longer and gives the same pixels but for rounding.
    """

    def __init__(self, micrograph: Windowed, scale: float, *, keep: bool = False) -> None:
        self.micrograph = micrograph
        self.scale = scale
        self.keep = keep
        height, width = micrograph.shape
        self._resampling = Resampling(height, width, scale)
        self._lock = RLock()
        self._measured: Normalization | None = None
        self._kept: Pixels | None = None

    @property
    def name(self) -> str:
        """Name of the micrograph."""
        return self.micrograph.name

    @property
    def path(self) -> Path | None:
        """The micrograph's file."""
        return self.micrograph.path

    @property
    def pixel_size(self) -> float | None:
        """Working pixel in Å/px, ``None`` where the micrograph's own is not known."""
        return self.scale * self.micrograph.pixel_size if self.micrograph.pixel_size else None

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in working pixels."""
        return self._resampling.shape

    @property
    def normalization(self) -> Normalization:
        """The gray scale, measured once."""
        with self._lock:
            if self._measured is None:
                self._measured = measure(self.micrograph, self.scale)
            return self._measured

    def window(self, top: int, left: int, height: int, width: int) -> Pixels:
        """Return a fresh ``(height, width)`` float32 array, z-scored.

        Raises
        ------
        MicrographError
            F24 for pixels that are not numbers, with the place of the first.
        """
        if not self.keep:
            return self._computed(top, left, height, width)
        return self._whole()[top : top + height, left : left + width].copy()

    def _whole(self) -> Pixels:
        with self._lock:
            if self._kept is None:
                height, width = self.shape
                parts = [self._computed(r, 0, min(ROWS, height - r), width) for r in range(0, height, ROWS)]
                self._kept = np.concatenate(parts)
            return self._kept

    def _computed(self, top: int, left: int, height: int, width: int) -> Pixels:
        first_row, first_column, tall, wide = self._resampling.window(top, left, height, width)
        pixels = finite_window(self.micrograph, first_row, first_column, tall, wide)
        scored = torch.from_numpy(self.normalization.apply(pixels))
        reduced = self._resampling.reduce_window(scored, top, left, height, width)
        return (reduced / self.normalization.spread).numpy()
