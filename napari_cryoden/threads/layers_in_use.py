"""Layers that something works on: locked meanwhile, and what comes of changing one is said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from napari.layers import LayerLock

from napari_cryoden.notify import show_remarks


class LayersInUse:
    """Holds layers until `release`; napari's own lock keeps them from being removed in its list.

    Somebody may open the lock, and scripts may do anything. Work has copies of the pixels, so it goes on;
    that is said.

    Parameters
    ----------
    viewer : Viewer
        Whose layers they are.
    layers : sequence of Layer
        What is worked on.
    title : str
        What works.
    """

    def __init__(self, viewer: Any, layers: Sequence[Any], title: str) -> None:
        self._viewer, self._title = viewer, title
        self._before = {layer: layer.locked for layer in layers}
        self._said: dict[Any, Callable[..., None]] = {}
        for layer in layers:
            layer.locked |= LayerLock.DELETION
            self._said[layer] = partial(self._say, layer, "changed")
            layer.events.data.connect(self._said[layer])
        viewer.layers.events.removed.connect(self._removed)

    @property
    def words(self) -> str:
        """What is locked, in words; empty for nothing."""
        names = [layer.name for layer in self._before]
        if not names:
            return ""
        one = len(names) == 1
        return f"{names[0] if one else f'{len(names)} layers'} {'is' if one else 'are'} locked until then"

    def release(self) -> None:
        """Give the layers back as they were."""
        self._viewer.layers.events.removed.disconnect(self._removed)
        for layer, lock in self._before.items():
            layer.events.data.disconnect(self._said[layer])
            layer.locked = lock
        self._before.clear()

    def _removed(self, event: Any) -> None:
        if event.value in self._before:
            self._say(event.value, "removed")

    def _say(self, layer: Any, what: str, event: Any = None) -> None:  # noqa: ARG002  napari passes its event
        show_remarks(
            layer.name, [f"was {what}; {self._title.lower()} continues with the pixels as they were"]
        )
