"""Layers that something works on: locked meanwhile, and what comes of changing one is said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from napari.layers import LayerLock

from napari_cryoden.notify import show_remarks

_locked: WeakKeyDictionary[Any, tuple[int, LayerLock]] = (
    WeakKeyDictionary()
)  # how many work on it, its lock before


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

    Attributes
    ----------
    changed : bool
        Whether one of them has other pixels by now, as those of another micrograph.
    """

    def __init__(self, viewer: Any, layers: Sequence[Any], title: str) -> None:
        self._viewer, self._title = viewer, title
        self._layers = list(layers)
        self.changed = False
        self._said: dict[Any, Callable[..., None]] = {}
        for layer in layers:
            _lock(layer)
            self._said[layer] = partial(self._has_changed, layer)
            layer.events.data.connect(self._said[layer])
        viewer.layers.events.removed.connect(self._removed)

    @property
    def words(self) -> str:
        """What is locked, in words; empty for nothing."""
        names = [layer.name for layer in self._layers]
        if not names:
            return ""
        one = len(names) == 1
        return f"{names[0] if one else f'{len(names)} layers'} {'is' if one else 'are'} locked until then"

    def release(self) -> None:
        """Give the layers back as they were."""
        self._viewer.layers.events.removed.disconnect(self._removed)
        for layer in self._layers:
            layer.events.data.disconnect(self._said[layer])
            _unlock(layer)
        self._layers.clear()

    def _removed(self, event: Any) -> None:
        if event.value in self._layers:
            self._say(event.value, "removed")

    def _has_changed(self, layer: Any, event: Any = None) -> None:  # noqa: ARG002  napari passes its event
        self.changed = True
        self._say(layer, "changed")

    def _say(self, layer: Any, what: str) -> None:
        show_remarks(
            layer.name, [f"was {what}; {self._title.lower()} continues with the pixels as they were"]
        )


def _lock(layer: Any) -> None:
    count, before = _locked.get(layer, (0, layer.locked))
    _locked[layer] = count + 1, before
    layer.locked |= LayerLock.DELETION


def _unlock(layer: Any) -> None:
    """Give a layer its own lock back when the last of those who work on it is done."""
    count, before = _locked.pop(layer)
    if count > 1:
        _locked[layer] = count - 1, before
    else:
        layer.locked = before
