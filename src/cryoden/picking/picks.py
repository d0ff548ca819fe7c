"""Where particles are on one micrograph."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cryoden.errors import CryodenError, Remark
from cryoden.micrograph import Array

Indices = NDArray[np.int64]
OTHER_SIZE = 0.01  # relative difference of pixel sizes from which coordinates are scaled


class PicksError(CryodenError):
    """Coordinates that cannot be read, do not belong to a micrograph, or cannot be found."""


@dataclass(frozen=True, eq=False)
class Picks:
    """Centers of particles on one micrograph, in the order of their file.

    Parameters
    ----------
    micrograph : str
        Its name as the file has it; the name of the file itself where it has none.
    centers : ndarray
        ``(n, 2)`` row and column in px; (0, 0) is the first pixel that is stored in the micrograph's file.
    merits : ndarray
        ``(n,)`` figures of merit, NaN where there is none.
    rows : ndarray
        ``(n,)`` places among the rows of the file, from 0; -1 for picks that are in none.
    source : Path or None
        The file.
    pixel_size : float or None
        Å of the pixels that are counted, where the file says.
    shape : tuple of int or None
        Height and width of the image they were picked on, where the file says.
    diameter : float or None
        Edge of the boxes in px, where the file has boxes.
    section : int or None
        Which image of a stack.
    factor : float
        Pixels of the micrograph to one that the file counts.
    flipped : int
        Height of the image in px where the file counts rows from its other edge, else 0.
    """

    micrograph: str
    centers: Array
    merits: Array
    rows: Indices
    source: Path | None = None
    pixel_size: float | None = None
    shape: tuple[int, int] | None = None
    diameter: float | None = None
    section: int | None = None
    factor: float = 1.0
    flipped: int = 0

    def __len__(self) -> int:
        return len(self.centers)

    def chosen(self, keep: NDArray[np.bool_] | Indices) -> Picks:
        """Return some of the picks."""
        return replace(self, centers=self.centers[keep], merits=self.merits[keep], rows=self.rows[keep])

    def scaled(self, factor: float) -> Picks:
        """Return the picks in pixels of which ``factor`` are as long as one of those counted so far."""
        return replace(
            self,
            centers=self.centers * factor,
            pixel_size=None if self.pixel_size is None else self.pixel_size / factor,
            diameter=None if self.diameter is None else self.diameter * factor,
            shape=None,
            factor=self.factor * factor,
        )

    def mirrored(self, height: int) -> Picks:
        """Return the picks of an image of a height whose rows are counted from its other edge."""
        return replace(self, centers=_mirrored(self.centers, height), flipped=height)

    def in_file(self) -> Picks:
        """Return the picks as their file counts them."""
        centers = _mirrored(self.centers, self.flipped) if self.flipped else self.centers
        return replace(self, centers=centers / self.factor)


def _mirrored(centers: Array, height: int) -> Array:
    return np.column_stack([height - 1 - centers[:, 0], centers[:, 1]])


def made(centers: Array, merits: Array, micrograph: str = "", pixel_size: float | None = None) -> Picks:
    """Return picks that are in no file."""
    return Picks(micrograph, centers, merits, np.full(len(centers), -1), pixel_size=pixel_size)


def fitted(picks: Picks, shape: tuple[int, int], pixel_size: float | None) -> Picks:
    """Return the picks in pixels of a micrograph of a size, where they count those of a binned one.

    Known by the size of the image they were picked on, as cryoSPARC says it, else by the pixel size.
    """
    if picks.shape is not None and picks.shape != shape:
        return picks.scaled(shape[1] / picks.shape[1])
    if picks.shape is None and picks.pixel_size and pixel_size:
        factor = picks.pixel_size / pixel_size
        return picks.scaled(factor) if abs(factor - 1) > OTHER_SIZE else picks
    return picks


def outside(picks: Picks, shape: tuple[int, int]) -> tuple[Remark, ...]:
    """Return what is said of picks that are not on the micrograph."""
    beyond = ((picks.centers < -0.5) | (picks.centers > np.array(shape) - 0.5)).any(axis=1)
    if not beyond.any():
        return ()
    words = f"{int(beyond.sum()):,} of {len(picks):,} picks lie outside the {shape[0]:,} × {shape[1]:,} px of"
    return (
        Remark("K06", f"{words} {picks.micrograph}: of another micrograph, or of one with other pixels?"),
    )
