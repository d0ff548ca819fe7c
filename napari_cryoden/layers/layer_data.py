"""Micrograph to layer and back: the only place where a pixel size becomes a scale."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from napari.utils import Colormap

from cryoden.errors import MicrographError, Remark
from cryoden.events.training import PreviewMade
from cryoden.formats.micrographs import probe
from cryoden.formats.result_stamp import denoised_with
from cryoden.io.pixel_size import ODD, without_odd
from cryoden.micrograph import Micrograph
from cryoden.model.verdict import verdict_of
from cryoden.settings.denoising import DenoisingSettings
from napari_cryoden.layers.contrast import Limits, contrast, result_limits
from napari_cryoden.layers.picture import Picture, picture_of
from napari_cryoden.layers.plane import Plane, full_size, pixel_size, placed, plane_of

if TYPE_CHECKING:
    from napari.layers import Image

Role = Literal["residual", "confidence", "low-pass", "high-pass"]
LayerData = tuple[Any, dict[str, Any], str]
AXES = ("y", "x")
# Blue below 0 and orange above, distinct for any color vision.
DIVERGING = Colormap([[0.0, 0.36, 0.65], [0.96, 0.96, 0.96], [0.80, 0.35, 0.0]], name="residual")


@dataclass(frozen=True)
class View:
    """What was in view of a raw layer when work on it began; the sliders may move meanwhile."""

    plane: Plane
    contrast: Limits


def view_of(layer: Image) -> View:
    """Return what is in view of a layer; raises what `to_micrograph` does."""
    plane = plane_of(layer)
    return View(plane, contrast(_computed(layer, plane)))


def raw_layer(micrograph: Micrograph, picture: Picture | None = None) -> LayerData:
    """Return what napari needs to show a micrograph as it is in its file.

    Without a known pixel size the layer stays in pixels: a guess would end up in output headers.
    Here and below the picture is made of the micrograph where none is given, which takes long.
    """
    shown = picture or picture_of(micrograph.data)
    geometry: dict[str, Any] = {"axis_labels": AXES}
    if micrograph.pixel_size is not None:
        geometry |= {"scale": (micrograph.pixel_size,) * 2, "units": ("angstrom",) * 2}
    facts = {"role": "raw", "source": _text(micrograph.path)} | _known(micrograph)
    return shown.data(), _kwargs(shown, micrograph.name, facts) | geometry, "image"


def opened_layer(micrograph: Micrograph) -> LayerData:
    """Return the layer of a file; one that was denoised says so in its header, and is no raw micrograph."""
    model = denoised_with(probe(micrograph.path).labels) if micrograph.path else None
    data, kwargs, kind = raw_layer(micrograph)
    if model is not None:
        raw = micrograph.name.removesuffix("_denoised")
        facts = {
            "role": "denoised",
            "source": None,
            "file": _text(micrograph.path),
            "model": model,
            "raw_name": raw,
        }
        name = f"{raw} · denoised"
        kwargs |= {"name": name, "metadata": {"cryoden": facts | _known(micrograph)}}
    return data, kwargs, kind


def made_with(model: Path, settings: DenoisingSettings) -> dict[str, Any]:
    """Return what is recorded about how a result was made, with what validation said of the model."""
    verdict = verdict_of(model)
    said = {"verdict": verdict.words, "level": verdict.level} if verdict else {}
    return {"model": str(model), "settings": asdict(settings)} | said


def result_layer(
    raw: Image,
    denoised: Micrograph,
    made_with: Mapping[str, Any],
    view: View | None = None,
    picture: Picture | None = None,
) -> LayerData:
    """Return the layer of a denoised micrograph, lying exactly on the raw one as it was in view."""
    view, shown = view or view_of(raw), picture or picture_of(denoised.data)
    facts = dict(made_with) | {"role": "denoised"} | _origin(raw) | _known(denoised)
    data, kwargs, kind = _upon(raw, shown, f"{raw.name} · denoised", facts, view.plane)
    limits = result_limits(shown.limits, shown.noise, view.contrast, denoised.pixel_size)
    return data, kwargs | {"contrast_limits": limits}, kind


def derived_layer(
    raw: Image, made: Micrograph, role: Role, plane: Plane | None = None, picture: Picture | None = None
) -> LayerData:
    """Return the layer of something computed from a raw layer, which lies exactly on it.

    A residual is shown in a diverging map with 0 in its middle, a confidence from guessing to sure.
    """
    facts = {"role": role} | _origin(raw) | _known(made)
    shown = picture or picture_of(made.data)
    data, kwargs, kind = _upon(raw, shown, f"{raw.name} · {made.name}", facts, plane or plane_of(raw))
    if role == "residual":
        most = max(map(abs, kwargs["contrast_limits"]))
        kwargs |= {"colormap": DIVERGING, "contrast_limits": (-most, most)}
    if role == "confidence":
        kwargs |= {"colormap": "viridis", "contrast_limits": (0.5, 1.0)}
    return data, kwargs, kind


def preview_layer(raw: Image, made: PreviewMade, view: View | None = None) -> LayerData:
    """Return the layer of a region of a raw layer, denoised by the current run, in its place on it."""
    facts = {"role": "preview"} | _origin(raw) | _known(made.region)
    view, pixels, corner = view or view_of(raw), made.region.data, (made.top, made.left)
    shown = Picture.of_few(pixels)  # its data change in place
    data, kwargs, kind = _upon(raw, shown, f"{raw.name} · preview", facts, view.plane, corner)
    limits = result_limits(shown.limits, shown.noise, view.contrast, made.region.pixel_size)
    return data, kwargs | {"contrast_limits": limits}, kind


def _upon(
    raw: Image,
    shown: Picture,
    name: str,
    facts: dict[str, Any],
    plane: Plane,
    corner: tuple[int, int] = (0, 0),
) -> LayerData:
    """Return a layer that lies on another, with as many axes; its corner is in px of that one."""
    facts |= {"section": plane.section} if plane.section else {}
    return shown.data(plane.whole), _kwargs(shown, name, facts) | placed(raw, plane, corner), "image"


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


def lacks_pixel_size(layer: Image) -> bool:
    """Whether neither units nor header say the pixel size of a layer, or the header says a doubtful one."""
    try:
        return pixel_size(layer) is None or any(one.code == ODD for one in warnings_of(layer))
    except MicrographError:  # color, or no squares: it is refused anyway
        return False


def set_pixel_size(layer: Image, size: float) -> None:
    """Give a layer its Å/px; what it is shown with and saved with follows."""
    scale, translate, units = list(layer.scale), list(layer.translate), list(layer.units)
    for axis in plane_of(layer).axes:
        translate[axis] *= size / abs(scale[axis])
        scale[axis], units[axis] = math.copysign(size, scale[axis]), "angstrom"
    layer.scale, layer.translate, layer.units = scale, translate, units
    known = {"warnings": without_odd(warnings_of(layer))}
    layer.metadata["cryoden"] = facts_of(layer) | known | {"pixel_size": size}


def is_raw(layer: Image) -> bool:
    """Whether a layer is a micrograph as it was opened, not one that this plugin has made of another."""
    return bool(facts_of(layer).get("role", "raw") == "raw")


def raw_of(layer: Image, layers: Iterable[Any]) -> Any:
    """Return the open micrograph that a layer was made of, itself where it is one, else ``None``."""
    if is_raw(layer):
        return layer
    facts = facts_of(layer)
    raw = [one for one in layers if one.__class__ is layer.__class__ and is_raw(one)]
    itself = [one for one in raw if one.unique_id == facts.get("raw_id")]
    source, name = facts.get("source"), facts.get("raw_name")
    same_file = [one for one in raw if source and facts_of(one).get("source") == source]
    named = [one for one in raw if one.name == name]
    return next(iter([*itself, *same_file, *named]), None)


def facts_of(layer: Image) -> dict[str, Any]:
    """Return what this plugin recorded about a layer; empty for layers of other origin."""
    facts = layer.metadata.get("cryoden", {})
    return dict(facts) if isinstance(facts, Mapping) else {}


def warnings_of(layer: Image) -> tuple[Remark, ...]:
    """Return what was odd about a layer's pixels when they were read or denoised."""
    return tuple(one for one in facts_of(layer).get("warnings", ()) if isinstance(one, Remark))


def _kwargs(shown: Picture, name: str, facts: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "contrast_limits": shown.limits,
        "colormap": "gray",
        "metadata": {"cryoden": facts},
    }


def _origin(raw: Image) -> dict[str, Any]:
    """Return by what a layer is known to be made of another: itself while it is open, else its file."""
    return {"source": facts_of(raw).get("source"), "raw_id": raw.unique_id}


def _known(micrograph: Micrograph) -> dict[str, Any]:
    return {"pixel_size": micrograph.pixel_size, "warnings": micrograph.warnings}


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
