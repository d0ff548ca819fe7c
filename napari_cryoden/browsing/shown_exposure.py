"""One exposure in the window: raw and denoised, each in the place of the one before, under one camera."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from napari.layers import Image

from cryoden.browsing.kept_pictures import Shown
from cryoden.micrograph import Micrograph
from napari_cryoden.browsing.kept_contrast import KeptContrast
from napari_cryoden.jobs.companions import originals, outdated, remove_outdated
from napari_cryoden.jobs.first_time import ready_for_scale_bar
from napari_cryoden.layers.canvas import show_scale_bar
from napari_cryoden.layers.contrast import Limits, result_limits
from napari_cryoden.layers.layer_data import raw_layer
from napari_cryoden.layers.picture import Levels, Picture, picture_of
from napari_cryoden.layers.side_by_side import SideBySide
from napari_cryoden.threads.turns import Turns

WAITING = 64  # px of a micrograph on a side of one px of the empty picture


class ShownExposure:
    """Two layers whose data change; they are added again only where they were removed.

    Parameters
    ----------
    viewer : Viewer
        The window's.
    comparison : SideBySide
        Shows the two beside each other.

    Attributes
    ----------
    raw, denoised : Image or None
        The layers.
    name : str or None
        Which exposure is shown.
    stage : str
        What the denoised layer shows: ``"waiting"``, ``"preview"`` or ``"denoised"``.
    """

    def __init__(self, viewer: Any, comparison: SideBySide) -> None:
        self._viewer, self._comparison, self._turns = viewer, comparison, Turns.of(viewer)
        self._turns.take(ready_for_scale_bar(viewer))
        self.raw: Any = None
        self.denoised: Any = None
        self.name: str | None = None
        self.stage = "waiting"
        self._noise: Limits = (0.0, 1.0)  # of the raw one
        self._contrast = {"raw": KeptContrast(), "denoised": KeptContrast()}

    def show(self, name: str, shown: Shown, *, wait: bool = True) -> None:
        """Show another exposure; its denoised picture is empty until there is one.

        Without ``wait`` it is shown next, and what is in its place stays until then.
        """
        self._keep()
        self.name, self.stage = name, "waiting"
        raw, picture = shown.micrograph, picture_of(shown.micrograph.data, shown.levels)
        self._noise = picture.noise
        limits = self._contrast["raw"].limits(picture.overview, picture.limits)
        if not (self._is_there(self.raw) and self._is_there(self.denoised)):
            self._turns.draw_later()
        added = self._put("raw", raw_layer(raw, picture), limits)
        if wait or not self._is_there(self.denoised):
            added |= self._wait(raw)
        if raw.pixel_size:
            show_scale_bar(self._viewer)
        if added:
            self._comparison.show(self.raw, self.denoised, contrast=False)
        else:
            self._leave_others_out()

    def show_denoised(self, shown: Shown, made_with: Mapping[str, Any]) -> None:
        """Show the denoised picture of the exposure that is shown, or a preview of it."""
        self._keep_of("denoised")
        self.stage = "preview" if shown.edge > 1 else "denoised"
        found = shown.micrograph
        size = found.pixel_size / shown.edge if found.pixel_size else None
        picture = picture_of(found.data, shown.levels)
        made = _placed(raw_layer(replace(found, pixel_size=size), picture), shown.edge)
        limits = self._denoised_limits(picture, size)
        facts = made[1]["metadata"]["cryoden"] | made_with | {"raw_id": self.raw.unique_id} | self._source()
        made[1]["metadata"] = {"cryoden": facts}
        made[1]["name"] = f"{self.raw.name} · denoised{' (preview)' if shown.edge > 1 else ''}"
        self._put("denoised", made, limits)
        self._leave_out(outdated(self._viewer, [self.denoised]))

    def _denoised_limits(self, picture: Picture, pixel_size: float | None) -> Limits:
        """Return those that are kept; almost nothing has its own, which are of no use to the next."""
        own, kept = picture.limits, self._contrast["denoised"]
        limits = result_limits(own, picture.noise, self._noise, pixel_size)
        if limits == own:
            return kept.limits(picture.overview, own)
        kept.pass_over()
        return limits

    def forget(self) -> None:
        """Show nothing as known; the layers stay."""
        self.name, self.stage = None, "waiting"

    def _leave_others_out(self) -> None:
        """Compare the two alone: what else was made of them is of the exposure before."""
        shown = self._comparison.layers
        if self.raw.unique_id in originals(shown):
            self._leave_out([one for one in shown if one not in {self.raw, self.denoised}])
        remove_outdated(self._viewer, [self.raw, self.denoised])

    def _leave_out(self, layers: Sequence[Any]) -> None:
        """Compare the two alone where one of these is compared: without it, too few may be left."""
        if any(one in self._comparison.layers for one in layers):
            self._comparison.show(self.raw, self.denoised, mode=self._comparison.mode, contrast=False)
        remove_outdated(self._viewer, [self.raw, self.denoised])

    def _keep(self) -> None:
        """Take note of the contrast the user has set."""
        self._keep_of("raw")
        self._keep_of("denoised")

    def _keep_of(self, which: str) -> None:
        layer = getattr(self, which)
        if self._is_there(layer) and (which == "raw" or self.stage != "waiting"):
            self._contrast[which].keep(self._comparison.users_contrast(layer))

    def _wait(self, raw: Micrograph) -> bool:
        limits = tuple(self.denoised.contrast_limits) if self._is_there(self.denoised) else (0.0, 1.0)
        shape = [math.ceil(side / WAITING) for side in raw.shape]
        empty = replace(raw, data=np.full(shape, sum(limits) / 2, np.float32))
        placed = _placed(raw_layer(empty, Picture.of_few(empty.data)), WAITING)
        placed[1]["name"] = f"{raw.name} · denoised …"
        placed[1]["metadata"] = {
            "cryoden": {"role": "denoised", "raw_id": self.raw.unique_id} | self._source()
        }
        return self._put("denoised", placed, limits)

    def _source(self) -> dict[str, Any]:
        return {"source": self.raw.metadata["cryoden"].get("source")}

    def _put(self, which: str, made: Any, limits: tuple[float, ...]) -> bool:
        """Give a layer other data, or add it where it is not there, and say whether it was added."""
        layer = getattr(self, which)
        data, attributes, _ = made
        data = data if isinstance(data, Levels) else Levels([data])
        attributes |= {"contrast_limits": limits}
        if not self._is_there(layer):
            setattr(self, which, self._viewer.add_layer(Image(data, **attributes)))
            return True
        with layer.events.thumbnail.blocker():
            layer.data = data
            layer._data = data  # napari has wrapped it anew, in what is its coarsest level to others
            layer.name, layer.metadata = attributes["name"], attributes["metadata"]
            _place(layer, attributes)
            width = limits[1] - limits[0]
            layer.contrast_limits_range = (limits[0] - width, limits[1] + width)
            layer.contrast_limits = limits
        return False

    def _is_there(self, layer: Any) -> bool:
        return layer is not None and layer in self._viewer.layers


def _place(layer: Any, attributes: Mapping[str, Any]) -> None:
    """Put a layer where it belongs; what stays is not set, as each time napari draws all of it again."""
    units = attributes.get("units", ("pixel", "pixel"))
    if [str(unit) for unit in layer.units] != list(units):
        layer.units = units
    for name, usual in (("scale", (1.0, 1.0)), ("translate", (0.0, 0.0))):
        wanted = attributes.get(name, usual)
        if tuple(getattr(layer, name)) != tuple(wanted):
            setattr(layer, name, wanted)


def _placed(made: Any, edge: int) -> Any:
    """Return a layer whose pixels are ``edge`` × ``edge`` of those its scale is for."""
    data, attributes, kind = made
    scale = attributes.get("scale", (1.0, 1.0))
    placed = {
        "scale": tuple(one * edge for one in scale),
        "translate": tuple(one * (edge - 1) / 2 for one in scale),
    }
    return data, attributes | placed, kind
