"""The contrast of layers that are compared: by what is drawn of them, the same rule for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from napari_cryoden.layers.contrast import Limits, Matching, contrast, matched, result_limits, robust
from napari_cryoden.layers.in_view import drawn
from napari_cryoden.layers.layer_data import facts_of
from napari_cryoden.layers.plane import Seen, full_size, plane_of, seen_of, shows, square_pixel_size

OWN_LIMITS = {"residual", "confidence"}  # roles of what has limits of its own


class MatchedContrast:
    """Sets the contrast of compared layers, and knows which one the user had for the same data."""

    def __init__(self) -> None:
        self._of: WeakKeyDictionary[Any, tuple[Seen, Limits, Limits]] = WeakKeyDictionary()

    def match(self, viewer: Any, layers: Sequence[Any], how: Matching, *, in_view: bool = False) -> None:
        """Do what the function `match` does."""
        before = {one: self._before(one) or _limits(one) for one in layers}
        match(viewer, layers, how, in_view=in_view)
        for one in layers:
            self._of[one] = seen_of([one]), before[one], _limits(one)

    def users(self, layer: Any) -> Limits:
        """Return a layer's limits, those of before where it has the ones that were set here."""
        now = _limits(layer)
        is_ours = layer in self._of and now == self._of[layer][-1]
        return (self._before(layer) if is_ours else None) or now

    def give_back(self) -> None:
        """Give all layers the limits that they had, where they show what they did."""
        for layer in list(self._of):
            layer.contrast_limits = self._before(layer) or _limits(layer)
        self._of.clear()

    def _before(self, layer: Any) -> Limits | None:
        seen, before, _ = self._of.get(layer, ((), None, None))
        return before if seen and shows(seen, [layer]) else None


def match(viewer: Any, layers: Sequence[Any], how: Matching, *, in_view: bool = False) -> None:
    """Set the contrast of compared layers.

    Parameters
    ----------
    viewer : Viewer
        The window's.
    layers : sequence of Image
        Raw, denoised, and others, of which confidences stay as they are, and residuals are about 0.
    how : {"each", "same", "matched"}
        See `napari_cryoden.layers.contrast.matched`.
    in_view : bool
        By what is in view of them; else by all of them, as they are drawn when they fill their cells.

    Notes
    -----
    Limits are always finite: a layer without a finite pixel stays as it is, and all do if it is the raw or
    the denoised one.
    """
    for one in layers:
        if facts_of(one).get("role") == "residual":
            most = max(map(abs, robust(drawn(viewer, one, whole=not in_view))))
            _set(one, (-most, most))  # 0 in the middle of the colors
    alike = [one for one in layers if facts_of(one).get("role") not in OWN_LIMITS]
    if len(alike) < 2:
        return
    seen = [robust(drawn(viewer, one, whole=not in_view)) for one in alike]
    if not np.isfinite(seen[:2]).all():
        return
    if not in_view:
        seen[1] = _bounded(seen[1], *alike[:2])
    for layer, limits in zip(alike, matched(how, seen[0], seen[1], seen[2:]), strict=True):
        _set(layer, limits)


def _limits(layer: Any) -> Limits:
    low, high = layer.contrast_limits
    return low, high


def _set(layer: Any, limits: Limits) -> None:
    if np.isfinite(limits).all():  # napari keeps others for good
        layer.contrast_limits = limits


def _bounded(own: Limits, raw: Any, denoised: Any) -> Limits:
    """Return the limits of a result, in which almost nothing stays almost nothing."""
    noise, width = (contrast(np.asarray(plane_of(one).cut(full_size(one)))) for one in (raw, denoised))
    return result_limits(own, width, noise, square_pixel_size(raw))
