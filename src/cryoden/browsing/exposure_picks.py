"""Which picks of many belong to an exposure, found by its name at once."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cryoden.browsing.exposure_list import Exposure
from cryoden.micrograph import Micrograph
from cryoden.picking.micrograph_names import PicksByName, joined
from cryoden.picking.picks import Picks, PicksError, fitted
from cryoden.picking.read_picks import read_all


class PicksOfExposures:
    """The picks of an acquisition.

    Parameters
    ----------
    picks : iterable of Picks
        Of any micrographs.
    """

    def __init__(self, picks: Iterable[Picks] = ()) -> None:
        self._picks = PicksByName(list(picks))

    def of(self, exposure: Exposure, micrograph: Micrograph) -> Picks | None:
        """Return the picks of an exposure in pixels of its micrograph; ``None`` where there are none."""
        try:
            found = self._picks.of(str(exposure.file or exposure.name))
        except PicksError:  # two micrographs could be meant: neither is shown for the other
            return None
        return fitted(joined(found), micrograph.shape, micrograph.pixel_size) if found else None


def read_picks_of(source: Path) -> PicksOfExposures:
    """Return the picks in a file of coordinates, or in those of a folder.

    Raises
    ------
    CryodenError
        See `cryoden.picking.read_picks.read_all`.
    """
    return PicksOfExposures(read_all([source]))
