"""Where somebody looks while a run goes on, and when the next picture is due.

Whoever looks says where, from any thread; the run makes the picture between two of its steps.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from cryoden.micrograph import Micrograph

EDGE = 224  # working px
EVERY = 2.0  # s
SHARE = 0.04  # of a run's time that previews may take


@dataclass(frozen=True, eq=False)
class PreviewRegion:
    """What to look at.

    Parameters
    ----------
    micrograph : Micrograph
        The whole of it: its grey scale is that of the picture.
    row, column : int
        Middle of the region, px.
    """

    micrograph: Micrograph
    row: int
    column: int

    def box(self, scale: float) -> tuple[int, int, int, int]:
        """Return top, left, bottom and right of the region, within the micrograph, in px.

        ``scale`` is working pixel over micrograph pixel.
        """
        edges = [min(side, round(EDGE * scale)) for side in self.micrograph.shape]
        top, left = (
            min(max(0, middle - edge // 2), side - edge)
            for middle, edge, side in zip((self.row, self.column), edges, self.micrograph.shape, strict=True)
        )
        return top, left, top + edges[0], left + edges[1]


class PreviewRequest:
    """What a run asks after each step: whether to make a picture, and of what.

    Attributes
    ----------
    spot : PreviewRegion or None
        Where somebody looks.
    """

    def __init__(self) -> None:
        self.spot: PreviewRegion | None = None
        self._next = 0.0

    def look(self, spot: PreviewRegion | None) -> None:
        """Look here from now on, at once; ``None`` to look no more."""
        self.spot, self._next = spot, 0.0

    @property
    def due(self) -> bool:
        """Whether the next picture should be made now."""
        return self.spot is not None and time.monotonic() >= self._next

    def took(self, seconds: float) -> None:
        """Wait two seconds, or longer where a picture costs much of a run's time."""
        self._next = time.monotonic() + max(EVERY, seconds / SHARE)
