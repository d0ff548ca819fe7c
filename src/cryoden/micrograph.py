"""What is looked at: one micrograph, and the two halves of one exposure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cryoden.errors import Remark

Pixels = NDArray[np.float32]
Array = NDArray[np.float64]  # what is measured on them


class Windowed(Protocol):
    """Anything pixels can be cut from: an open file, or a micrograph in memory."""

    @property
    def name(self) -> str:
        """Short name for people, without folder or suffix."""

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""

    @property
    def pixel_size(self) -> float | None:
        """Pixel size in Å/px, ``None`` where the file does not say."""

    @property
    def path(self) -> Path | None:
        """The file the pixels come from, ``None`` for pixels made in memory."""

    def window(self, top: int, left: int, height: int, width: int) -> Pixels:
        """Return a fresh ``(height, width)`` float32 array in the file's gray scale."""


@dataclass(frozen=True, eq=False)
class Micrograph:
    """One two-dimensional image.

    Parameters
    ----------
    data : ndarray
        ``(h, w)`` float32 array in the input's gray scale.
    pixel_size : float or None
        Å/px; ``None`` where unknown, never a guess.
    name : str
        Short name for people, without folder or suffix.
    path : Path or None
        The file it was read from.
    warnings : tuple of Remark
        What is odd about it.
    """

    data: Pixels
    pixel_size: float | None
    name: str
    path: Path | None = None
    warnings: tuple[Remark, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self.data.shape
        return height, width

    def window(self, top: int, left: int, height: int, width: int) -> Pixels:
        """Return a fresh ``(height, width)`` float32 array cut from the micrograph."""
        return np.array(self.data[top : top + height, left : left + width], dtype=np.float32)


@dataclass(frozen=True)
class HalfPair:
    """The two independent sums of one exposure; same scene, different noise."""

    even: Windowed
    odd: Windowed

    @property
    def name(self) -> str:
        """Name of the even half, which stands for the pair."""
        return self.even.name


@dataclass(frozen=True)
class Statistics:
    """Least and largest value, mean and variance of pixels; all NaN or infinite where one pixel is."""

    least: float
    most: float
    mean: float
    variance: float

    @property
    def are_finite(self) -> bool:
        """Whether all pixels are numbers."""
        return math.isfinite(self.least) and math.isfinite(self.most)
