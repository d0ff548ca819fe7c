"""Shows coordinates of particles, from files of other programs, on the micrographs that are open."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import napari
from napari.layers import Image

from cryoden.errors import CryodenError
from cryoden.picking.micrograph_names import PicksByName, joined
from cryoden.picking.picks import Picks, PicksError, fitted, outside
from cryoden.picking.read_picks import ambiguous, has_picks, is_picks_name, read_all
from napari_cryoden.contributions.reader import Reader, listed
from napari_cryoden.layers.layer_data import facts_of, is_raw
from napari_cryoden.layers.picks_layer import DIAMETER, add_picks
from napari_cryoden.layers.plane import pixel_size, plane_of, size_of
from napari_cryoden.notify import show_problem, show_remarks

Path_ = str | PathLike[str]
OPEN_FIRST = "Open the micrographs they are of, under their own names, and then the coordinates"


def get_reader(path: Path_ | Sequence[Path_]) -> Reader | None:
    """Return what reads these paths; ``None`` for files that have no coordinates."""
    paths = listed(path)
    own = paths and all(is_picks_name(one) and one.is_file() for one in paths)
    return read if own and all(not ambiguous(one) or has_picks(one) for one in paths) else None


def read(path: Path_ | Sequence[Path_]) -> list[Any]:
    """Add the picks of each open micrograph to the window; a bad file is reported in one line.

    The layers are added here, each on its micrograph, and so the list is napari's way to say "handled".
    """
    viewer = napari.current_viewer()
    try:
        if viewer is None:
            raise PicksError("K03", listed(path)[0], "no window with a micrograph is open", fix=OPEN_FIRST)
        show_picks(viewer, listed(path), DIAMETER)
    except CryodenError as error:
        show_problem(error)
    return [(None,)]


def show_picks(
    viewer: Any, paths: Sequence[Path], diameter: float, *, flip: bool = False, on: Image | None = None
) -> list[Any]:
    """Add the picks that files have of open micrographs, and return the layers.

    Parameters
    ----------
    viewer : Viewer
        The window's.
    paths : sequence of Path
        Files of coordinates, and folders of them.
    diameter : float
        Å, of circles whose file has no boxes.
    flip : bool
        Whether rows are counted from the other edge, as where a camera's files were flipped.
    on : Image, optional
        Where picks go whose names fit no open micrograph, if the files are of one micrograph.

    Raises
    ------
    PicksError
        ``K01``, ``K02`` for a file that has no coordinates; ``K03`` when no open micrograph has picks.
    """
    picks = read_all(paths)
    images = [
        layer for layer in viewer.layers if isinstance(layer, Image) and is_raw(layer) and size_of(layer)
    ]
    known = PicksByName(picks)
    found = [(image, own) for image in images if (own := _own(image, known))]
    if not found and on is not None and picks and len(known.names) == 1:
        found = [(on, picks)]
    if not found:
        names = ", ".join(known.names[:3]) or "none"
        problem = f"none of {len(images):,} open micrographs has picks in it (it has those of {names})"
        raise PicksError("K03", paths[0], problem, fix=OPEN_FIRST)
    name = paths[0].stem if len(paths) == 1 else "picks"
    return [_added(viewer, image, own, diameter, name, flip=flip) for image, own in found]


def _own(image: Image, known: PicksByName) -> list[Picks]:
    """Return the picks of an image: of a stack those of the section that is in view, where they say one."""
    own = known.of(facts_of(image).get("source") or image.name)
    section = plane_of(image).section
    if section and any(one.section is not None for one in own):
        return [one for one in own if one.section == section[-1]]
    return own


def _added(viewer: Any, image: Image, own: Sequence[Picks], diameter: float, name: str, *, flip: bool) -> Any:
    shape, size = plane_of(image).size, pixel_size(image)
    picks = fitted(joined(own), shape, size)
    picks = picks.mirrored(shape[0]) if flip else picks
    show_remarks(image.name, outside(picks, shape))
    across = picks.diameter * (size or 1.0) if picks.diameter else diameter
    return add_picks(viewer, image, picks, across, f"{image.name} · {name}")
