"""Micrograph to layer and back: the only place where a pixel size becomes a scale."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils import Colormap

from cryoden.errors import MicrographError
from cryoden.events.training import PreviewMade
from cryoden.micrograph import Micrograph, Pixels
from napari_cryoden.layers.plane import Plane, full_size, placed, plane_of

if TYPE_CHECKING:
    from napari.layers import Image

LayerData = tuple[Pixels, dict[str, Any], str]
AXES = ("y", "x")
# Blue below 0 and orange above, distinct for any color vision.
DIVERGING = Colormap([[0.0, 0.36, 0.65], [0.96, 0.96, 0.96], [0.80, 0.35, 0.0]], name="residual")


def raw_layer(micrograph: Micrograph) -> LayerData:
    """Return what napari needs to show a micrograph as it is in its file.

    Without a known pixel size the layer stays in pixels: a guessed 1 Å would end up in
    every output header.
    """
    geometry: dict[str, Any] = {"axis_labels": AXES}
    if micrograph.pixel_size is not None:
        geometry |= {"scale": (micrograph.pixel_size,) * 2, "units": ("angstrom",) * 2}
    facts = {"role": "raw", "source": _text(micrograph.path)} | _known(micrograph)
    return micrograph.data, _kwargs(micrograph.data, micrograph.name, facts) | geometry, "image"


def result_layer(
    raw: Image, denoised: Micrograph, made_with: Mapping[str, Any], plane: Plane | None = None
) -> LayerData:
    """Return the layer of a denoised micrograph, lying exactly on the plane of the raw one."""
    facts = dict(made_with) | {"role": "denoised", "source": facts_of(raw).get("source")} | _known(denoised)
    return _upon(raw, denoised.data, f"{raw.name} · denoised", facts, plane or plane_of(raw))


def derived_layer(raw: Image, made: Micrograph, plane: Plane | None = None) -> LayerData:
    """Return the layer of something computed from a raw layer, which lies exactly on it.

    A residual is shown in a diverging map with 0 in its middle.
    """
    role = made.name.split()[0]
    facts = {"role": role, "source": facts_of(raw).get("source")} | _known(made)
    data, kwargs, kind = _upon(raw, made.data, f"{raw.name} · {made.name}", facts, plane or plane_of(raw))
    if role == "residual":
        most = max(map(abs, kwargs["contrast_limits"]))
        kwargs |= {"colormap": DIVERGING, "contrast_limits": (-most, most)}
    return data, kwargs, kind


def preview_layer(raw: Image, made: PreviewMade, plane: Plane | None = None) -> LayerData:
    """Return the layer of a region of a raw layer, denoised by the current run, in its place on it."""
    facts = {"role": "preview", "source": facts_of(raw).get("source")} | _known(made.region)
    plane = plane or plane_of(raw)
    return _upon(raw, made.region.data, f"{raw.name} · preview", facts, plane, (made.top, made.left))


def _upon(
    raw: Image,
    pixels: Pixels,
    name: str,
    facts: dict[str, Any],
    plane: Plane,
    corner: tuple[int, int] = (0, 0),
) -> LayerData:
    """Return a layer that lies on another, with as many axes; its corner is in px of that one."""
    facts |= {"section": plane.section} if plane.section else {}
    return plane.whole(pixels), _kwargs(pixels, name, facts) | placed(raw, plane, corner), "image"


def to_micrograph(layer: Image, *, copy: bool = True) -> Micrograph:
    """Return the micrograph of a layer that is in view, as a copy that later edits cannot reach.

    Axes of length 1 are dropped; a pyramid is taken at full size, lazy data are computed.

    Raises
    ------
    MicrographError
        F32 for what is no gray image, F28 for pixels that are not square.
    """
    plane = plane_of(layer)
    facts = facts_of(layer)
    source = facts.get("source") if is_raw(layer) else None
    source = source if source and Path(source).is_file() else None  # it may have moved since
    found = _computed(layer, plane)
    pixels = np.array(found, dtype=np.float32, copy=True if copy else None)
    path = Path(source) if source else None
    return Micrograph(pixels, pixel_size(layer), layer.name, path, warnings_of(layer))


def _computed(layer: Image, plane: Plane) -> Any:
    try:
        return np.asarray(plane.cut(full_size(layer)))
    except Exception as error:  # whatever another reader's lazy data raise
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        problem = f"layer '{layer.name}' cannot be read: {reason}"
        raise MicrographError("F49", None, problem, fix="Check the path and the disk") from error


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
    return height


def is_raw(layer: Image) -> bool:
    """Whether a layer is a micrograph as it was opened, not one that this plugin has made of another."""
    return bool(facts_of(layer).get("role", "raw") == "raw")


def raw_of(layer: Image, layers: Iterable[Any]) -> Any:
    """Return the open micrograph that a layer was made of, itself where it is one, else ``None``."""
    if is_raw(layer):
        return layer
    name, source = layer.name.split(" · ")[0], facts_of(layer).get("source")
    raw = [one for one in layers if one.__class__ is layer.__class__ and is_raw(one)]
    named = [one for one in raw if one.name == name or (source and facts_of(one).get("source") == source)]
    return next(iter(named), None)


def facts_of(layer: Image) -> dict[str, Any]:
    """Return what this plugin recorded about a layer; empty for layers of other origin."""
    facts = layer.metadata.get("cryoden", {})
    return dict(facts) if isinstance(facts, Mapping) else {}


def warnings_of(layer: Image) -> tuple[str, ...]:
    """Return what was odd about a layer's pixels when they were read or denoised."""
    return tuple(map(str, facts_of(layer).get("warnings", ())))


def contrast(pixels: Pixels) -> tuple[float, float]:
    """Return the 0.5 and 99.5 percentiles of at most some 260,000 pixels.

    A regular sample is enough: on a micrograph noise decides both ends, and sorting all of
    a 4096² takes longer than reading it.
    """
    step = max(1, math.isqrt(max(1, pixels.size // 2**18)))
    low, high = (float(value) for value in np.percentile(pixels[::step, ::step], (0.5, 99.5)))
    return (low, high) if high > low else (low, low + 1.0)


def _kwargs(pixels: Pixels, name: str, facts: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "contrast_limits": contrast(pixels),
        "colormap": "gray",
        "metadata": {"cryoden": facts},
    }


def _known(micrograph: Micrograph) -> dict[str, Any]:
    return {"pixel_size": micrograph.pixel_size, "warnings": micrograph.warnings}


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
