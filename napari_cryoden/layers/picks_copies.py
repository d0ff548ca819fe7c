"""Picks on several layers that stand beside each other: a layer for each cell, all of them edited as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from napari.layers import Points

from napari_cryoden.layers.layer_data import facts_of
from napari_cryoden.layers.picks_layer import COPY, copies_of, is_picks, mark_added, picks_on

DONE = {"added", "removed", "changed"}  # actions on data that are over
SAME = ("size", "border_width", "border_width_is_relative", "symbol", "opacity")


class PicksCopies:
    """Makes copies of layers of picks for the cells of a grid, keeps all alike, and removes them.

    Parameters
    ----------
    viewer : Viewer
        The window's.
    changed : callable
        Called when the user hides a layer of picks, or shows it again.

    Attributes
    ----------
    paused : bool
        Whether layers are hidden and shown for another reason.
    """

    def __init__(self, viewer: Any, changed: Callable[[], None]) -> None:
        self._viewer = viewer
        self._changed = changed
        self._hidden: set[Any] = set()
        self.paused = False
        self._made: list[tuple[Any, Any, Any]] = []  # of which layer, on which image, the copy
        self._copying = False

    def begin(self) -> None:
        """Take note of the picks that are hidden, which stay so."""
        self._hidden = {layer for layer in self._viewer.layers if is_picks(layer) and not layer.visible}

    def shown_on(self, image: Any) -> list[Any]:
        """Return the layers of picks on an image but those the user has hidden."""
        found = picks_on(self._viewer.layers, image)
        for one in found:
            one.events.visible.disconnect(self._toggled)
            one.events.visible.connect(self._toggled)
        return [one for one in found if one not in self._hidden]

    def over(self, picks: Sequence[Any], images: Sequence[Any]) -> list[list[Any]]:
        """Return for each image the picks that are to lie on it: on the first these, copies on others."""
        return [list(picks), *([self._copy(one, image) for one in picks] for image in images[1:])]

    def remove(self) -> None:
        """Remove all copies."""
        made, self._made = self._made, []
        for original, _, copy in made:
            _disconnect(original, self._edited)
            _disconnect(copy, self._edited)
            if copy in self._viewer.layers:
                self._viewer.layers.remove(copy)

    def _copy(self, picks: Any, image: Any) -> Any:
        known = next((copy for one, on, copy in self._made if one is picks and on is image), None)
        if known is not None and known in self._viewer.layers:
            return known
        data, attributes, _ = picks.as_layer_data_tuple()
        facts = {"role": COPY, "copy_of": picks.unique_id, "diameter": facts_of(picks).get("diameter")}
        attributes |= {"name": f"{picks.name} on {image.name}", "metadata": {"cryoden": facts}}
        copy = self._viewer.add_layer(Points(data, **attributes))
        copy.current_size = float(picks.current_size)
        copy.feature_defaults = picks.feature_defaults
        self._made.append((picks, image, copy))
        for one in (picks, copy):
            _disconnect(one, self._edited)
            one.events.data.connect(self._edited)
        return copy

    def _toggled(self, event: Any) -> None:
        """Follow what the user hides and shows; napari says so of what is set to what it was, too."""
        if not self.paused and event.source.visible is (event.source in self._hidden):
            (self._hidden.discard if event.source.visible else self._hidden.add)(event.source)
            self._changed()

    def _edited(self, event: Any) -> None:
        """Bring an edit of one layer into those that show the same."""
        if self._copying or getattr(event, "action", None) not in DONE:
            return
        edited = event.source
        original = next((one for one, _, copy in self._made if edited in {one, copy}), None)
        if original is None:
            return
        mark_added(event)
        alike = (original, *copies_of(self._viewer.layers, original))
        self._copying = True
        try:
            for other in (one for one in alike if one is not edited):
                put(edited, other)
        finally:
            self._copying = False


def put(one: Any, other: Any) -> None:
    """Make a layer of points show what another one shows."""
    other.selected_data = set()
    other.data = one.data.copy()
    other.features = one.features.copy()
    for name in SAME:
        setattr(other, name, getattr(one, name))
    if len(one.data):  # of none napari takes no colors
        other.border_color = one.border_color.copy()
    other.shown = one.shown.copy()


def _disconnect(layer: Any, method: Any) -> None:
    layer.events.data.disconnect(method)
