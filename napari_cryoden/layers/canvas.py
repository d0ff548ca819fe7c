"""What is set on the canvas: the scale bar, cells for layers, and all of it as the user had it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from napari_cryoden.preferences import preferences
from napari_cryoden.window import main_window

_SHOWN = "cryoden_scale_bar_shown"
SPACING = 4  # px between cells
Size = tuple[float, float]


def show_scale_bar(viewer: Any) -> None:
    """Show the scale bar at the first opening in a window, unless the preferences say no.

    Whoever turns it off afterwards is not overruled by the next micrograph.
    """
    window = main_window(viewer)
    if preferences().scale_bar and not window.property(_SHOWN):
        window.setProperty(_SHOWN, True)
        # Notifications come up at the right.
        viewer.canvas.overlays.scale_bar.position = "bottom_left"
        viewer.canvas.overlays.scale_bar.visible = True


def size_on_canvas(layer: Any) -> Size:
    """Return height and width of a layer as it is drawn."""
    first, last = layer.extent.world
    height, width = (last - first)[-2:]
    return max(float(height), 1e-9), max(float(width), 1e-9)


def cells(count: int, canvas: Size, picture: Size) -> tuple[int, int]:
    """Return in how many rows and columns pictures are largest; two stand beside each other always.

    Parameters
    ----------
    count : int
        How many pictures there are.
    canvas, picture : tuple of float
        Height and width, of one picture in any unit.
    """

    def magnification(rows: int) -> float:
        return min(canvas[0] / rows / picture[0], canvas[1] / math.ceil(count / rows) / picture[1])

    rows = max(range(1, count + 1 if count > 2 else 2), key=magnification)
    return rows, math.ceil(count / rows)


def divide(viewer: Any, shape: tuple[int, int], stride: int) -> None:
    """Divide the canvas; napari builds all of it anew whenever one number changes, here once."""
    grid = viewer.canvas.grid
    with grid.events.blocker():
        grid.stride, grid.shape, grid.spacing = stride, shape, SPACING
    if grid.enabled:
        grid.events.shape(value=grid.shape)
    grid.enabled = True


def is_open(viewer: Any) -> bool:
    """Return whether the window is; napari removes all layers when it closes it."""
    return hasattr(viewer.window, "_qt_window")


def to_the_top(viewer: Any, layers: list[Any]) -> None:
    """Draw these last, in this order; where they are drawn so, napari need not build all of it anew."""
    opened = viewer.layers
    if layers and list(opened[-len(layers) :]) != layers:
        opened.move_multiple([opened.index(layer) for layer in layers], len(opened))


def show_only(viewer: Any, shown: list[Any]) -> None:
    """Show these layers and hide all others, in this order, so that the canvas is never empty."""
    others = [one for one in viewer.layers if one not in shown]
    for layer in [*shown, *others]:
        if layer.visible is not (layer in shown):
            layer.visible = not layer.visible


def camera_of(viewer: Any) -> tuple[tuple[float, ...], float]:
    """Return where the camera looks, and how close."""
    camera = viewer.scene.camera
    return tuple(camera.center), camera.zoom


@dataclass(frozen=True)
class UsersView:
    """What a comparison changes in a viewer, as the user had it."""

    enabled: bool
    shape: tuple[int, int]
    stride: int
    spacing: float
    scale_bar: bool
    camera: tuple[tuple[float, ...], float]
    visible: dict[Any, bool]  # in the order of the layers
    contrast: dict[Any, tuple[float, float]]

    @classmethod
    def of(cls, viewer: Any) -> UsersView:
        """Return it as it is now."""
        grid, layers = viewer.canvas.grid, list(viewer.layers)
        contrast = {one: tuple(one.contrast_limits) for one in layers if hasattr(one, "contrast_limits")}
        visible = {layer: layer.visible for layer in layers}
        divided = grid.enabled, grid.shape, grid.stride, grid.spacing
        scale_bar = viewer.canvas.overlays.scale_bar.visible
        return cls(*divided, scale_bar, camera_of(viewer), visible, contrast)

    def give_back(self, viewer: Any, stays: Callable[[Any], bool]) -> None:
        """Restore it; ``stays`` says whether a layer that was added since is shown."""
        grid, opened = viewer.canvas.grid, viewer.layers
        grid.enabled, grid.shape, grid.stride = self.enabled, self.shape, self.stride
        grid.spacing = self.spacing
        viewer.canvas.overlays.scale_bar.visible = self.scale_bar
        for place, layer in enumerate(one for one in self.visible if one in opened):
            if opened[place] is not layer:  # napari cannot move all of them at once
                opened.move(opened.index(layer), place)
        for layer in opened:
            layer.visible = self.visible[layer] if layer in self.visible else stays(layer)
            if layer in self.contrast:
                layer.contrast_limits = self.contrast[layer]
        viewer.scene.camera.center, viewer.scene.camera.zoom = self.camera
