"""Picks of the exposure that is shown, over raw and denoised, in one layer that others take the place of."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Points

from cryoden.picking.picks import Picks, made
from napari_cryoden.layers.picks_copies import put
from napari_cryoden.layers.picks_layer import DIAMETER, add_picks, copies_of, picks_layer
from napari_cryoden.layers.plane import pixel_size

NAME = "picks of the exposure"


class ShownPicks:
    """A layer of points whose data change; it is to be looked at, and is edited in the dock "Picks".

    Parameters
    ----------
    viewer : Viewer
        The window's.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self.layer: Any = None

    def show(self, raw: Any, picks: Picks | None) -> bool:
        """Show picks on a raw layer, or none, and say whether a layer was added."""
        is_there = self.layer is not None and self.layer in self._viewer.layers
        if picks is None and not is_there:
            return False
        picks = picks or made(np.zeros((0, 2)), np.zeros(0))
        size = pixel_size(raw) or 1.0
        diameter = picks.diameter * size if picks.diameter else DIAMETER
        if not is_there:
            self.layer = add_picks(self._viewer, raw, picks, diameter, NAME)
            self.layer.editable = False
            self._viewer.layers.selection.active = raw  # else keys of decisions were those of points
            return True
        self._replace(picks_layer(raw, picks, diameter, NAME))
        return False

    def _replace(self, shown: Any) -> None:
        places, attributes, _ = shown
        other = Points(places, **attributes)
        for layer in (self.layer, *copies_of(self._viewer.layers, self.layer)):
            put(other, layer)
            layer.scale, layer.translate, layer.units = other.scale, other.translate, other.units
            layer.editable = False
        self.layer.metadata = attributes["metadata"]
