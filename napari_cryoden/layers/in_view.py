"""What of a layer is drawn: which pixels, at which level of its pyramid."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from cryoden.micrograph import Pixels
from napari_cryoden.layers.plane import Plane, plane_of

if TYPE_CHECKING:
    from napari.layers import Image


def drawn(viewer: Any, layer: Image, *, whole: bool = False) -> Pixels:
    """Return the pixels of a layer as they are drawn; all of them where none is in view.

    A plane of a stack that is being read, and is drawn empty, is waited for.

    Parameters
    ----------
    viewer : Viewer
        The window's.
    layer : Image
        Of one gray micrograph.
    whole : bool
        All of the layer, as it is drawn when it fills its part of the canvas.

    Raises
    ------
    MicrographError
        F32 for what is no micrograph.
    """
    plane = plane_of(layer)
    size = np.array(plane.size, float)
    cell = np.array(viewer.canvas.viewbox_size(viewer.layers), float)
    first, last = (np.zeros(2), size) if whole else _corners(viewer, layer, plane, cell)
    edge = float(np.max((last - first) / np.maximum(cell, 1)))  # px of the layer in one of the screen
    level = _level(layer, size, edge)
    pixels = np.asarray(plane.cut(level))
    if layer.multiscale and not np.isfinite(pixels).any():
        plane.cut(layer.data[0])  # which makes all levels
        pixels = np.asarray(plane.cut(level))
    first, last = (np.clip(np.round(one * pixels.shape / size), 0, pixels.shape) for one in (first, last))
    (top, left), (bottom, right) = first.astype(int), last.astype(int)
    seen = pixels[top:bottom, left:right]
    return seen if seen.size else pixels


def _corners(viewer: Any, layer: Image, plane: Plane, cell: Any) -> tuple[Any, Any]:
    """Return the first and the last px in view, in rows and columns."""
    camera, points = viewer.scene.camera, []
    for signs in product((-0.5, 0.5), repeat=2):
        point = np.array(viewer.dims.point, float)
        point[list(viewer.dims.displayed[-2:])] = camera.center[-2:] + signs * cell / camera.zoom
        points.append(np.asarray(layer.world_to_data(point))[list(plane.axes)])
    return np.min(points, axis=0), np.max(points, axis=0)


def _level(layer: Image, size: Any, edge: float) -> Any:
    """Return the coarsest level of which no pixel is larger than one of the screen, as napari does."""
    levels = list(layer.data) if layer.multiscale else [layer.data]
    axes = plane_of(layer).axes
    fine = [one for one in levels if np.max(size / [one.shape[axis] for axis in axes]) <= edge * 1.001]
    return fine[-1] if fine else levels[0]
