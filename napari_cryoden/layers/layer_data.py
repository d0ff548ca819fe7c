"""Micrograph to layer and back: the only place where a pixel size becomes a scale."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils import Colormap

from cryoden.errors import MicrographError
from cryoden.events.training import PreviewMade
from cryoden.io.pixel_size import possible
from cryoden.io.result_stamp import is_result
from cryoden.micrograph import Micrograph, Pixels

if TYPE_CHECKING:
    from napari.layers import Image

LayerData = tuple[Pixels, dict[str, Any], str]
AXES = ("y", "x")
# Blue below 0 and orange above, distinct for any color vision.
DIVERGING = Colormap([[0.0, 0.36, 0.65], [0.96, 0.96, 0.96], [0.80, 0.35, 0.0]], name="residual")
GEOMETRY = ("scale", "units", "axis_labels", "translate")


def raw_layer(micrograph: Micrograph) -> LayerData:
    """Return what napari needs to show a micrograph as it is in its file; a result of ours is known as one.

    Without a known pixel size the layer stays in pixels: a guessed 1 Å would end up in
    every output header.
    """
    geometry: dict[str, Any] = {"axis_labels": AXES}
    if micrograph.pixel_size is not None:
        geometry |= {"scale": (micrograph.pixel_size,) * 2, "units": ("angstrom",) * 2}
    result = micrograph.path is not None and is_result(micrograph.path)
    facts = {"role": "denoised" if result else "raw", "source": _text(micrograph.path)} | _known(micrograph)
    return micrograph.data, _kwargs(micrograph.data, micrograph.name, facts) | geometry, "image"


def result_layer(raw: Image, denoised: Micrograph, made_with: Mapping[str, Any]) -> LayerData:
    """Return the layer of a denoised micrograph, lying exactly on the raw one.

    Scale, units, axis labels and translation are copied from ``raw``: one layer in pixels
    makes napari drop the units of all of them.
    """
    origin = {"role": "denoised", "source": facts_of(raw).get("source")}
    facts = dict(made_with) | origin | _known(denoised)
    geometry = {name: getattr(raw, name) for name in GEOMETRY}
    return denoised.data, _kwargs(denoised.data, f"{raw.name} · denoised", facts) | geometry, "image"


def derived_layer(raw: Image, made: Micrograph) -> LayerData:
    """Return the layer of something computed from a raw layer, which lies exactly on it.

    A residual is shown in a diverging map with 0 in its middle.
    """
    name, role = f"{raw.name} · {made.name}", made.name.split()[0]
    facts = {"role": role, "source": facts_of(raw).get("source")} | _known(made)
    kwargs = _kwargs(made.data, name, facts) | {each: getattr(raw, each) for each in GEOMETRY}
    if role == "residual":
        most = max(map(abs, contrast(made.data)))
        kwargs |= {"colormap": DIVERGING, "contrast_limits": (-most, most)}
    return made.data, kwargs, "image"


def preview_layer(raw: Image, made: PreviewMade) -> LayerData:
    """Return the layer of a region of a raw layer, denoised by the current run, in its place on it."""
    geometry = {each: getattr(raw, each) for each in GEOMETRY}
    geometry["translate"] = raw.data_to_world((made.top, made.left))
    facts = {"role": "preview", "source": facts_of(raw).get("source")} | _known(made.region)
    data = made.region.data
    return data, _kwargs(data, f"{raw.name} · preview", facts) | geometry, "image"


def to_micrograph(layer: Image, *, copy: bool = True) -> Micrograph:
    """Return a layer's pixels, as a copy that later edits of the layer cannot reach.

    Raises
    ------
    MicrographError
        F32 for anything but one two-dimensional gray image, F28 for pixels that are not square.
    """
    if layer.rgb or layer.multiscale or layer.ndim != 2:
        shape = "×".join(map(str, np.shape(layer.data[0] if layer.multiscale else layer.data)))
        problem = f"layer '{layer.name}' is {shape}, expected one two-dimensional gray image"
        raise MicrographError("F32", None, problem, fix="Choose a layer that holds one micrograph")
    facts = facts_of(layer)
    source = facts.get("source") if facts.get("role") == "raw" else None
    source = source if source and Path(source).is_file() else None  # it may have moved since
    pixels = np.array(layer.data, dtype=np.float32, copy=True if copy else None)
    path = Path(source) if source else None
    return Micrograph(pixels, pixel_size(layer), layer.name, path, warnings_of(layer))


def pixel_size(layer: Image) -> float | None:
    """Return Å/px as the layer's scale and units say, ``None`` in pixels, or if it cannot be."""
    if not all(unit.is_compatible_with("angstrom") for unit in layer.units):
        return None
    height, width = (
        float((float(size) * unit).to("angstrom").magnitude)
        for size, unit in zip(layer.scale, layer.units, strict=True)
    )
    if not math.isclose(height, width, rel_tol=1e-6):
        problem = f"layer '{layer.name}' has pixels of {height:g} × {width:g} Å, expected square ones"
        raise MicrographError("F28", None, problem, fix="Set the same scale for both axes")
    return possible(height)


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
