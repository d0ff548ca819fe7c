"""Bands of resolution, and the one in which particles lie."""

from __future__ import annotations

from typing import NamedTuple


class Band(NamedTuple):
    """From ``coarse`` to ``fine``, Å, or px where that is said."""

    coarse: float
    fine: float

    @property
    def name(self) -> str:
        """As people write it."""
        return f"{self.coarse:g}–{self.fine:g} Å"

    def in_pixels(self, pixel_size: float) -> Band:
        """Return the same periods in pixels of so many Å."""
        return Band(self.coarse / pixel_size, self.fine / pixel_size)


PARTICLES = Band(340, 20)
