"""Which two axes of a layer hold a micrograph, and where on the layer a picture made of it lies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np
from napari.utils.transforms import Affine

from cryoden.errors import MicrographError
from cryoden.io.pixel_size import possible
from cryoden.micrograph import Pixels

if TYPE_CHECKING:
    from napari.layers import Image

PLACED = ("scale", "rotate", "shear", "affine", "units", "axis_labels")
FIX = "Choose a layer that holds one micrograph"


@dataclass(frozen=True)
class Plane:
    """Two axes of a layer, and one position on each of the others.

    Parameters
    ----------
    shape : tuple of int
        Of the whole layer, at full size.
    axes : tuple of int
        Rows and columns, in the order of the data.
    at : tuple of int
        A position on every axis; 0 on those two.
    """

    shape: tuple[int, ...]
    axes: tuple[int, int]
    at: tuple[int, ...]

    @property
    def section(self) -> tuple[int, ...]:
        """The position on the axes that have more than one; empty for a layer of one micrograph."""
        return tuple(
            place for axis, place in enumerate(self.at) if axis not in self.axes and self.shape[axis] > 1
        )

    @property
    def words(self) -> str:
        """Which section of a stack it is, counted from 0 as napari does; empty where there is one."""
        lengths = [self.shape[axis] for axis in range(len(self.shape)) if axis not in self.axes]
        counts = [length - 1 for length in lengths if length > 1]
        return (
            f"section {', '.join(map(str, self.section))} of 0 to {', '.join(map(str, counts))}"
            if counts
            else ""
        )

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.shape[self.axes[0]], self.shape[self.axes[1]]

    def cut(self, data: Any) -> Any:
        """Return the two-dimensional part of the layer's data; lazy data stays lazy."""
        return data[tuple(slice(None) if axis in self.axes else place for axis, place in enumerate(self.at))]

    def whole(self, pixels: Pixels) -> Pixels:
        """Return pixels with as many axes as the layer has."""
        shape = [1] * len(self.shape)
        for axis, length in zip(self.axes, pixels.shape, strict=True):
            shape[axis] = length
        return pixels.reshape(shape)


def plane_of(layer: Image) -> Plane:
    """Return the part of a layer that is in view.

    Axes of length 1 are passed over, as many readers keep them. Of a stack it is the section that
    the sliders of the viewer stand at.

    Raises
    ------
    MicrographError
        F32 for color images, and what has no two axes.
    """
    data = full_size(layer)
    shape = tuple(map(int, data.shape))
    if layer.rgb:
        raise _no_micrograph(layer, f"{_by(shape)}, an RGB color image, expected a gray one")
    axes = _axes(shape, [int(axis) for axis in layer._slice_input.displayed])
    if axes is None:
        raise _no_micrograph(layer, f"{_by(shape)}, expected rows and columns")
    stand = layer._data_slice.point  # napari has no public name for it
    at = [0 if axis in axes else _inside(stand[axis], length) for axis, length in enumerate(shape)]
    return Plane(shape, axes, tuple(at))


def size_of(layer: Image) -> tuple[int, int] | None:
    """Return height and width of what is in view, ``None`` for what is no micrograph."""
    try:
        return plane_of(layer).size
    except MicrographError:
        return None


def full_size(layer: Image) -> Any:
    """Return a layer's data; of a pyramid the finest level."""
    return layer.data[0] if layer.multiscale else layer.data


Seen = tuple["ref[Any]", ...]


def seen_of(layers: Sequence[Image]) -> Seen:
    """Return what `shows` knows layers by later, without keeping their pixels."""
    return tuple(ref(full_size(layer)) for layer in layers)


def shows(seen: Seen, layers: Sequence[Image]) -> bool:
    """Whether layers show what they did, and not another micrograph by now."""
    return all(one() is full_size(layer) for one, layer in zip(seen, layers, strict=True))


def pixel_size(layer: Image) -> float | None:
    """Return Å/px as the layer's scale and units say, ``None`` for a layer in pixels."""
    axes = plane_of(layer).axes
    units = [layer.units[axis] for axis in axes]
    if not all(unit.is_compatible_with("angstrom") for unit in units):
        return None
    height, width = (
        abs(float((float(layer.scale[axis]) * unit).to("angstrom").magnitude))
        for axis, unit in zip(axes, units, strict=True)
    )
    if not math.isclose(height, width, rel_tol=1e-6):
        problem = f"layer '{layer.name}' has pixels of {height:g} × {width:g} Å, expected square ones"
        raise MicrographError("F28", None, problem, fix="Set the same scale for both axes")
    return possible(height)


def square_pixel_size(layer: Image) -> float | None:
    """Return Å/px as `pixel_size` does, ``None`` also for pixels that are not square."""
    try:
        return pixel_size(layer)
    except MicrographError:
        return None


def placed(layer: Image, plane: Plane, corner: tuple[int, int] = (0, 0)) -> dict[str, Any]:
    """Return what puts pixels with this corner, in px of the plane, exactly on a layer.

    Scale, also a negative one, rotation, shear and units are the layer's: one layer in pixels makes
    napari drop the units of all of them.
    """
    origin = np.array(plane.at, dtype=float)
    origin[list(plane.axes)] = corner
    turned = Affine(scale=layer.scale, rotate=layer.rotate, shear=layer.shear)
    geometry = {name: getattr(layer, name) for name in PLACED}
    return geometry | {"translate": np.asarray(layer.translate) + turned.linear_matrix @ origin}


def _axes(shape: Sequence[int], displayed: Sequence[int]) -> tuple[int, int] | None:
    long = [axis for axis, length in enumerate(shape) if length > 1]
    if len(shape) == 2:
        long = [0, 1]
    if set(displayed) <= set(long):
        long = sorted(displayed)
    return (long[-2], long[-1]) if len(long) > 1 else None


def _inside(place: float, length: int) -> int:
    return min(max(0, round(float(place)) if math.isfinite(place) else 0), length - 1)


def _by(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape))


def _no_micrograph(layer: Image, found: str) -> MicrographError:
    return MicrographError("F32", None, f"layer '{layer.name}' is {found}", fix=FIX)
