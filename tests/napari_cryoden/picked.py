"""Micrographs with discs as layers, and what the tests of picks ask of a window."""

from __future__ import annotations

from typing import Any

import numpy as np

from cryoden.micrograph import Micrograph
from cryoden.picking.picks import Picks
from napari_cryoden.layers.layer_data import raw_layer, result_layer
from tests.cryoden.picking.planted import DIAMETER, PIXEL, PLACES, discs

PICKS = Picks("m", PLACES, np.linspace(7, 1, len(PLACES)), np.arange(len(PLACES)), pixel_size=PIXEL)


def raw_and_denoised(viewer: Any) -> tuple[Any, Any]:
    """Add a raw layer with discs, and one without noise that is said to be made of it."""
    data, attributes, _ = raw_layer(Micrograph(discs(noise=1.0), PIXEL, "m"))
    raw = viewer.add_image(data, **attributes)
    data, attributes, _ = result_layer(raw, Micrograph(discs(noise=0.2), PIXEL, "m"), {})
    return raw, viewer.add_image(data, **attributes)


def circles(layer: Any) -> list[tuple[float, float, float]]:
    """Return row and column of the centers, and the diameters, in Å."""
    places = [layer.data_to_world(place) for place in layer.data]
    sizes = np.broadcast_to(layer.size, len(layer.data)) * layer.scale[0]
    return [(float(y), float(x), float(size)) for (y, x), size in zip(places, sizes, strict=True)]


__all__ = ["DIAMETER", "PICKS", "PIXEL", "PLACES", "circles", "raw_and_denoised"]
