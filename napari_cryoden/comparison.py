"""Raw and denoised side by side, and the user's own view back afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class _View:
    """What the comparison changes in a viewer, as the user had it."""

    enabled: bool
    shape: tuple[int, int]
    stride: int
    spacing: float
    scale_bar: bool
    visible: dict[Any, bool]


class Comparison:
    """Shows two layers in napari's grid, whose cells share one camera.

    The Y axis stays as napari draws it, as in the file.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._before: _View | None = None

    @property
    def active(self) -> bool:
        """Whether the side-by-side view is on."""
        return self._before is not None

    def show(self, raw: Any, denoised: Any) -> None:
        """Show ``raw`` on the left and ``denoised`` on the right, everything else hidden."""
        if self._before is None:
            self._before = self._view()
        layers, grid = self._viewer.layers, self._viewer.canvas.grid
        layers.move(layers.index(denoised), len(layers))
        for layer in layers:
            layer.visible = layer is raw or layer is denoised
        # Cells are filled from the bottom of the layer list; hidden layers take none.
        grid.stride, grid.shape, grid.spacing = 1, (1, 2), 4
        grid.enabled = True
        self._viewer.canvas.overlays.scale_bar.visible = True
        self._viewer.fit_to_view()

    def leave(self) -> None:
        """Give the view back as it was; layers added since stay visible."""
        before, self._before = self._before, None
        if before is None:
            return
        grid = self._viewer.canvas.grid
        grid.enabled, grid.shape, grid.stride = before.enabled, before.shape, before.stride
        grid.spacing = before.spacing
        self._viewer.canvas.overlays.scale_bar.visible = before.scale_bar
        for layer in self._viewer.layers:
            layer.visible = before.visible.get(layer, True)
        self._viewer.fit_to_view()

    def _view(self) -> _View:
        grid, scale_bar = self._viewer.canvas.grid, self._viewer.canvas.overlays.scale_bar
        visible = {layer: layer.visible for layer in self._viewer.layers}
        return _View(grid.enabled, grid.shape, grid.stride, grid.spacing, scale_bar.visible, visible)
