"""Picks as a layer of points: circles of the particles' diameter that lie on a micrograph, and back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Points

from cryoden.picking.picks import Picks
from napari_cryoden.layers.layer_data import facts_of, is_raw, raw_of
from napari_cryoden.layers.plane import pixel_size, placed, plane_of

if TYPE_CHECKING:
    from napari.layers import Image

    from cryoden.picking.picks import Indices
    from cryoden.picking.star_output import Written

PointsData = tuple[Any, dict[str, Any], str]
ROLE, COPY = "picks", "copy of picks"
MERIT, ROW = "figure of merit", "row"
COLORMAP = "turbo"
PLAIN = "#ffb000"  # seen on gray, and by any eye
LINE = 0.06  # of a circle's diameter
DIAMETER = 150.0  # Å, where nobody has said one
OUTLIERS = (2, 98)  # percent of the figures of merit, between which colors differ


def picks_layer(image: Image, picks: Picks, diameter: float, name: str = "") -> PointsData:
    """Return what napari needs to show picks on an image: a micrograph, or anything made of one.

    Parameters
    ----------
    image : Image
        Whose place, scale and units the points share.
    picks : Picks
        In its pixels.
    diameter : float
        Å; px where the image has no pixel size.
    name : str
        Of the layer; else it is named for the image.
    """
    plane = plane_of(image)
    places = np.zeros((len(picks), len(plane.shape)))
    places[:, list(plane.axes)] = picks.centers
    facts = {"role": ROLE, "picks": picks, "diameter": diameter}
    known = facts_of(image)
    facts |= {"source": known.get("source"), "raw_id": image.unique_id, "made_of": known.get("raw_id")}
    attributes = {
        "name": name or f"{image.name} · picks",
        "size": diameter / (pixel_size(image) or 1.0),
        "symbol": "disc",
        "face_color": "transparent",
        "border_width": LINE,
        "border_width_is_relative": True,
        "features": {MERIT: picks.merits, ROW: picks.rows.astype(np.int64)},
        "feature_defaults": {MERIT: math.nan, ROW: -1},
        "metadata": {"cryoden": facts},
        "out_of_slice_display": False,
        **_colors(picks),
    }
    return places, attributes | placed(image, plane), "points"


def add_picks(viewer: Any, image: Image, picks: Picks, diameter: float, name: str = "") -> Any:
    """Add picks to a window, and return their layer."""
    places, attributes, _ = picks_layer(image, picks, diameter, name)
    layer = viewer.add_points(places, **attributes)
    layer.current_border_color, layer.current_size = PLAIN, float(attributes["size"])
    layer.events.data.connect(mark_added)
    return layer


def mark_added(event: Any) -> None:
    """Give points that were just added neither row nor figure of merit: napari gives those last selected."""
    if getattr(event, "action", None) == "added":
        features = event.source.features.copy()
        features.iloc[list(event.data_indices)] = [math.nan, -1]
        event.source.features = features


def is_picks(layer: Any) -> bool:
    """Whether a layer has picks, and is no copy of such a layer that is shown beside it."""
    return isinstance(layer, Points) and facts_of(layer).get("role") == ROLE


def picks_of(layer: Any, image: Image | None = None, *, shown: bool = True) -> Picks:
    """Return the picks of a layer as they are now; those that are hidden, as too faint, are left out.

    Points that were added, or pasted, are in no file. Of layers of other origin an image says the pixel size.
    """
    axes = list(plane_of(image).axes) if image is not None else [-2, -1]
    places = np.asarray(layer.data, np.float64).reshape(len(layer.data), -1)
    merits, rows = (_feature(layer, name, empty) for name, empty in ((MERIT, math.nan), (ROW, -1)))
    rows = np.where(np.isin(np.arange(len(rows)), np.unique(rows, return_index=True)[1]), rows, -1).astype(
        int
    )
    before = facts_of(layer).get("picks")
    base = before if isinstance(before, Picks) else _unnamed(layer, image)
    now = replace(
        base, centers=places[:, axes] if len(places) else np.zeros((0, 2)), merits=merits, rows=rows
    )
    return now.chosen(np.asarray(layer.shown, bool)) if shown and len(now) else now


def show_above(layers: Iterable[Any], layer: Any, least: float) -> None:
    """Hide the picks of a layer, and of its copies, that have a smaller figure of merit; none without one."""
    merits = _feature(layer, MERIT, math.nan)
    for one in (layer, *copies_of(layers, layer)):
        if len(one.data) == len(merits):
            one.shown = ~(merits < least)


def set_diameter(layers: Iterable[Any], layer: Any, diameter: float, image: Image | None) -> None:
    """Show the picks of a layer, and of its copies, as circles of so many Å."""
    size = diameter / ((pixel_size(image) if image is not None else None) or 1.0)
    for one in (layer, *copies_of(layers, layer)):
        one.size, one.current_size = size, size
        one.metadata["cryoden"] = facts_of(one) | {"diameter": diameter}


def follow_file(layers: Iterable[Any], saved: Any, written: Written) -> None:
    """Renew what layers know of their file, and their copies of its rows, after one was saved into it."""
    known, source = list(layers), written.picks.source
    for layer in filter(is_picks, known):
        before = facts_of(layer).get("picks")
        if source is None or not isinstance(before, Picks) or before.source != source:
            continue
        rows = written.moved(picks_of(layer, shown=False).rows)
        now = replace(before, rows=written.moved(before.rows))
        now = now.chosen(now.rows >= 0)
        if layer is saved:
            now = written.picks
            rows[np.asarray(layer.shown, bool)] = now.rows
        layer.metadata["cryoden"] = facts_of(layer) | {"picks": now}
        _put_rows((layer, *copies_of(known, layer)), rows)


def _put_rows(layers: Iterable[Any], rows: Indices) -> None:
    for layer in layers:
        if len(layer.data) == len(rows):
            layer.features = layer.features.assign(**{ROW: rows})


def copies_of(layers: Iterable[Any], layer: Any) -> list[Any]:
    """Return the copies of a layer of picks that are shown beside it."""
    mine = layer.unique_id
    return [one for one in layers if isinstance(one, Points) and facts_of(one).get("copy_of") == mine]


def picks_on(layers: Iterable[Any], image: Image) -> list[Any]:
    """Return the layers of picks that belong to the micrograph an image is, or was made of."""
    known = list(layers)
    raw = raw_of(image, known) or image
    mine = {image.unique_id, raw.unique_id}
    sources = {facts_of(one).get("source") for one in (image, raw)} - {None}
    return [
        one for one in known if is_picks(one) and (mine & _ids(one) or facts_of(one).get("source") in sources)
    ]


def _ids(layer: Any) -> set[Any]:
    """Return the images that picks were put on: the very one, and the one that it was made of."""
    return {facts_of(layer).get("raw_id"), facts_of(layer).get("made_of")} - {None}


def image_under(layers: Sequence[Any], layer: Any) -> Any:
    """Return the image that picks lie on: the very one, else one made of the same file; ``None`` for none."""
    images = [one for one in layers if not isinstance(one, Points) and hasattr(one, "rgb")]
    facts = facts_of(layer)
    itself = [one for one in images if one.unique_id == facts.get("raw_id")]
    itself += [one for one in images if one.unique_id == facts.get("made_of")]
    source = facts.get("source")
    same = [one for one in images if source and facts_of(one).get("source") == source]
    return next(iter([*itself, *sorted(same, key=lambda one: not is_raw(one))]), None)


def micrograph_name(image: Image, layers: Iterable[Any]) -> str:
    """Return the name that lists have of the micrograph an image is, or was made of: its path, if any.

    What lies below the current folder, which for RELION is the project's, is named from there.
    """
    source = facts_of(image).get("source")
    if not source:
        return str((raw_of(image, layers) or image).name)
    path, here = Path(source), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _feature(layer: Any, name: str, empty: float) -> Any:
    """Return a feature of each point, as numbers."""
    if name not in layer.features:
        return np.full(len(layer.data), empty)
    return np.nan_to_num(layer.features[name].to_numpy(np.float64), nan=empty)


def _colors(picks: Picks) -> dict[str, Any]:
    """Return circles colored by figure of merit, all alike where there is none."""
    known = picks.merits[np.isfinite(picks.merits)]
    if len(known) < len(picks.merits) or not len(known) or np.ptp(known) == 0:
        return {"border_color": PLAIN}
    limits = tuple(float(one) for one in np.percentile(known, OUTLIERS))
    if limits[0] == limits[1]:
        return {"border_color": PLAIN}
    return {"border_color": MERIT, "border_colormap": COLORMAP, "border_contrast_limits": limits}


def _unnamed(layer: Any, image: Image | None) -> Picks:
    name = layer.name if image is None else micrograph_name(image, [])
    size = None if image is None else pixel_size(image)
    return Picks(name, np.zeros((0, 2)), np.zeros(0), np.zeros(0, np.int64), pixel_size=size)
