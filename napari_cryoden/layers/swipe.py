"""A layer drawn on one side of an upright line only.

The line stands still on the screen while one pans and zooms below it. Nothing but one number
goes to the GPU when it moves: cutting the pixels would send a whole micrograph.
"""

from __future__ import annotations

from typing import Any

from vispy.visuals.filters import Clipper


class Swipe:
    """Cuts a layer off on the left of a line; napari clips image layers in three dimensions only."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._clipper: Clipper | None = None
        self._node: Any = None
        self.share = 0.5

    def on(self, layer: Any) -> None:
        """Draw this layer only on the right of the line."""
        self.off()
        self._node = self._canvas.layer_to_visual[layer].node
        self._clipper = Clipper()
        self._node.attach(self._clipper)
        self._canvas.events.resize.connect(self._place)
        self._place()

    def off(self) -> None:
        """Draw the layer whole again."""
        if self._clipper is None:
            return
        self._canvas.events.resize.disconnect(self._place)
        self._node.detach(self._clipper)
        self._node.update()
        self._clipper = self._node = None

    def move(self, share: float) -> None:
        """Put the line at a share of the canvas's width."""
        self.share = share
        self._place()

    @property
    def _canvas(self) -> Any:
        return self._viewer.window._qt_viewer.canvas  # napari has no public name for it

    def _place(self, event: Any = None) -> None:  # noqa: ARG002  vispy passes its event
        if self._clipper is None:
            return
        width, height = self._canvas._scene_canvas.physical_size
        self._clipper.bounds = (self.share * width, 0, max(1.0, (1 - self.share) * width), height)
        self._node.update()
