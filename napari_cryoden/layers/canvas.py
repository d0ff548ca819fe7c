"""What is set on the canvas: scale bar, cells, how much it shows; and all of it as the user had it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

from qtpy.QtCore import QTimer

from napari_cryoden.layers.layer_data import facts_of
from napari_cryoden.notify import show_remarks
from napari_cryoden.preferences import preferences
from napari_cryoden.window import main_window

_SHOWN = "cryoden_scale_bar_shown"
SPACING = 4  # px between cells
PARTS = {"low-pass", "high-pass", "residual", "confidence"}  # roles of what is looked at in comparisons only
HIDDEN = "hidden until the comparison ends (Compare › Restore previous view)"
Size = tuple[float, float]


def show_scale_bar(viewer: Any) -> None:
    """Show the scale bar at the first opening in a window, unless the preferences say no.

    Whoever turns it off afterwards is not overruled by the next micrograph.
    """
    window = main_window(viewer)
    if preferences().scale_bar and not _had_scale_bar(viewer):
        window.setProperty(_SHOWN, True)
        # Notifications come up at the right.
        viewer.canvas.overlays.scale_bar.position = "bottom_left"
        viewer.canvas.overlays.scale_bar.visible = True


def _had_scale_bar(viewer: Any) -> bool:
    return bool(main_window(viewer).property(_SHOWN))


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


class Filling:
    """Keeps the canvas filled with what is compared, until the user looks closer.

    Parameters
    ----------
    viewer : Viewer
        The window's.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self.forget()

    def forget(self) -> None:
        """Begin anew: the canvas is undivided, and whatever it shows may be changed."""
        self._filled: Any = None
        self._columns = 1

    @property
    def untouched(self) -> bool:
        """Whether the user has not looked closer since it was filled."""
        return self._filled in {None, camera_of(self._viewer)}

    def fill(self, layers: Sequence[Any]) -> None:
        """Fill the canvas, or each cell of it, with these layers."""
        self._viewer.fit_to_view(layers=layers)
        self.take()

    def take(self) -> None:
        """Take what is in sight for filled."""
        self._filled = camera_of(self._viewer)

    @contextmanager
    def kept(self, layers: Sequence[Any]) -> Iterator[None]:
        """Fill it with these layers after a change where it was filled before."""
        was_filled = self.untouched
        yield
        if was_filled:
            self.fill(layers)

    def divide(self, columns: int) -> None:
        """Keep the visible part as wide as it was when the canvas is divided in other columns."""
        self._viewer.scene.camera.zoom *= self._columns / columns
        self._columns = columns


@dataclass(frozen=True)
class UsersView:
    """What a comparison changes in a viewer, as the user had it."""

    enabled: bool
    shape: tuple[int, int]
    stride: int
    spacing: float
    scale_bar: bool
    had_scale_bar: bool  # ever in this window
    camera: tuple[tuple[float, ...], float]
    visible: dict[Any, bool]  # in the order of the layers

    @classmethod
    def of(cls, viewer: Any) -> UsersView:
        """Return it as it is now."""
        grid = viewer.canvas.grid
        visible = {layer: layer.visible for layer in viewer.layers}
        divided = grid.enabled, grid.shape, grid.stride, grid.spacing
        scale_bar = viewer.canvas.overlays.scale_bar.visible, _had_scale_bar(viewer)
        return cls(*divided, *scale_bar, camera_of(viewer), visible)

    def give_back(self, viewer: Any, stays: Callable[[Any], bool]) -> None:
        """Restore it; ``stays`` says whether a layer that was added since is shown."""
        grid, opened = viewer.canvas.grid, viewer.layers
        grid.enabled, grid.shape, grid.stride = self.enabled, self.shape, self.stride
        grid.spacing = self.spacing
        if self.had_scale_bar == _had_scale_bar(viewer):  # one that came meanwhile comes only once
            viewer.canvas.overlays.scale_bar.visible = self.scale_bar
        for place, layer in enumerate(one for one in self.visible if one in opened):
            if opened[place] is not layer:  # napari cannot move all of them at once
                opened.move(opened.index(layer), place)
        for layer in opened:
            layer.visible = self.visible[layer] if layer in self.visible else stays(layer)
        viewer.scene.camera.center, viewer.scene.camera.zoom = self.camera


class AddedMeanwhile:
    """Layers that are added while others are compared: they are seen when that is over, which is said once.

    Parameters
    ----------
    viewer : Viewer
        The window's.
    compared : callable
        Returns what is compared now.
    """

    def __init__(self, viewer: Any, compared: Callable[[], Sequence[Any]]) -> None:
        self._viewer, self._compared = viewer, compared
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._say)
        self.forget()

    def forget(self) -> None:
        """Begin anew, as when nothing is compared any more."""
        self._later: WeakSet[Any] = WeakSet()
        self._unsaid: list[Any] = []
        self._has_said = False

    def show_later(self, *layers: Any) -> None:
        """Take note of layers that are to be visible in the end."""
        self._later.update(layers)

    def hide(self, layer: Any) -> None:
        """Hide a layer, and say so in a later turn: whoever has added it may compare it at once."""
        layer.visible = False
        self._unsaid.append(layer)
        self._timer.start(0)

    def stays(self, layer: Any) -> bool:
        """Return whether a layer is visible in the end: not what was added hidden, or only to be compared."""
        return facts_of(layer).get("role") not in PARTS and (layer.visible or layer in self._later)

    def _say(self) -> None:
        hidden, self._unsaid = self._unsaid, []
        opened = self._viewer.layers if is_open(self._viewer) else []
        hidden = [one for one in hidden if one in opened and not (one.visible or one in self._compared())]
        if hidden and not self._has_said:
            self._has_said = True
            show_remarks(hidden[0].name, [HIDDEN])
