"""What a run heeds while it goes on: where somebody looks, when the next picture is due, when to end.

Both may be set from any thread; the run looks between two of its steps.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING

from cryoden.events.training import TrainingState
from cryoden.micrograph import Micrograph
from cryoden.settings.reading import ReadingSettings

if TYPE_CHECKING:  # a form that sends a request needs no torch
    from cryoden.compute.ranks import Ranks

EDGE = 224  # working px
EVERY = 2.0  # s
SHARE = 0.04  # of a run's time that previews may take


@dataclass(frozen=True, eq=False)
class PreviewRegion:
    """The region to preview.

    Parameters
    ----------
    micrograph : Micrograph
        The whole of it: its gray scale is that of the picture.
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
    """What a run checks after each step: whether to make a preview, and of what.

    Attributes
    ----------
    region : PreviewRegion or None
        What to preview.
    """

    def __init__(self) -> None:
        self.region: PreviewRegion | None = None
        self._next = 0.0

    def look(self, region: PreviewRegion | None) -> None:
        """Preview this region from now on, at once; ``None`` to stop."""
        self.region, self._next = region, 0.0

    @property
    def due(self) -> bool:
        """Whether the next picture should be made now."""
        return self.region is not None and time.monotonic() >= self._next

    def took(self, seconds: float) -> None:
        """Wait two seconds, or longer where a picture costs much of a run's time."""
        self._next = time.monotonic() + max(EVERY, seconds / SHARE)


def state_every(minutes: float) -> float:
    """Return the seconds between two states that are kept; 0 minutes are those of a stop or an end alone."""
    return 60 * minutes or math.inf


@dataclass(frozen=True, eq=False)
class RunControl:
    """How whoever started a run steers it.

    Parameters
    ----------
    previews : PreviewRequest
        Where somebody looks.
    stop : Event
        Set to end the run; see `cryoden.training.plan.Plan`.
    keeps_states : bool
        Whether the run reports what it can be resumed from; see `cryoden.training.plan.Plan`.
    state : TrainingState, optional
        Where it continues.
    reading : ReadingSettings, optional
        How its files were opened, for whoever opens them again.
    ranks : Ranks, optional
        The processes that share each batch; ``None`` for this one alone. All but the first report nothing
        but phases, and keep nothing.
    """

    previews: PreviewRequest = field(default_factory=PreviewRequest)
    stop: Event = field(default_factory=Event)
    keeps_states: bool = False
    state: TrainingState | None = None
    reading: ReadingSettings | None = None
    ranks: Ranks | None = None
