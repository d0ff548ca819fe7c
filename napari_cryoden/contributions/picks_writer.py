"""Saves one layer of picks as a STAR file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari.layers import Points

from cryoden.picking.picks import Picks
from cryoden.picking.star_output import write_edited
from napari_cryoden.layers.layer_data import facts_of
from napari_cryoden.layers.picks_layer import picks_of


def write(path: str, data: Any, attributes: Mapping[str, Any]) -> list[str]:
    """Write the picks of a layer whole or not at all, and never onto the file they come from.

    Those that are hidden, as too faint, are left out. Of a STAR file they come from, all else stays.

    Raises
    ------
    CryodenError
        What is wrong in one line, which napari shows: O04 for the source itself, O06 for a folder that cannot
        be written.
    """
    layer = Points(data, **attributes)
    before = facts_of(layer).get("picks")
    picks = picks_of(layer)
    # The file dialog has already asked whether to replace an existing file.
    write_edited(picks, before if isinstance(before, Picks) else picks, Path(path), overwrite=True)
    return [path]
