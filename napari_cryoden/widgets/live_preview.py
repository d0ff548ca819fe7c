"""The live preview: a region denoised with the current weights of the run, in its place on the layer."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from cryoden.errors import CryodenError
from cryoden.events.training import PreviewMade
from cryoden.training.preview_request import PreviewRegion
from napari_cryoden.jobs.training import TrainingJob
from napari_cryoden.layers.layer_data import facts_of, preview_layer, to_micrograph, view_of
from napari_cryoden.notify import show_problem
from napari_cryoden.tool_tip import set_tip
from napari_cryoden.widgets.layer_combo import LayerCombo

USE = (
    "Shows a region of this layer denoised with the current weights, every two seconds, or less "
    "often if that would slow the training"
)
HERE = "Move the preview to the center of the view, or of the rectangle drawn in the selected shapes layer"


class LivePreview(QWidget):
    """Chooses where to look at the window's run, and shows what is seen there.

    The region moves with "Move here" only, not as one pans. Its pixels change in place
    and its contrast stays, so that nothing flickers.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer, self.run = viewer, TrainingJob.of(viewer)
        self.layer = LayerCombo(viewer, USE, none="no preview")
        self.here_button = QPushButton("Move here")
        set_tip(self.here_button, HERE)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.layer, stretch=1)
        row.addWidget(self.here_button)
        self.layer.currentIndexChanged.connect(self._chosen)
        self.here_button.clicked.connect(self.look)
        self.run.previewed.connect(self._show)
        self._looked_at, self._view = self.run.preview_of  # as the last dock has left it
        if self._looked_at in viewer.layers:
            self.layer.layer = self._looked_at
        else:
            self.look()
        self._follow()

    def look(self) -> None:
        """Preview the middle of the visible part of the chosen layer, or nothing."""
        layer, region = self.layer.layer, None
        try:
            if layer is not None:
                self._view = view_of(layer)
                there = layer.world_to_data(self._middle())
                row, column = (round(float(there[axis])) for axis in self._view.plane.axes)
                region = PreviewRegion(to_micrograph(layer), row, column)
        except CryodenError as error:
            show_problem(error)
        self.run.previews.look(region)
        self._looked_at = layer if region is not None else None
        self.run.preview_of = self._looked_at, self._view
        self._follow()

    def look_somewhere(self) -> None:
        """Look at the active micrograph, else the first one, unless a layer is chosen already."""
        if self.layer.layer is None:
            active = self._viewer.layers.selection.active
            raw = [one for one in self._viewer.layers if facts_of(one).get("role") == "raw"]
            self.layer.layer = active if active in raw else next(iter(raw), None)

    def _chosen(self) -> None:
        if self.layer.layer is not self._looked_at:
            self.look()

    def _middle(self) -> Any:
        active = self._viewer.layers.selection.active
        drawn = getattr(active, "shape_type", None)
        if drawn and drawn[-1] == "rectangle":
            return active.data_to_world(np.mean(active.data[-1], axis=0))
        middle = list(self._viewer.dims.point)
        for axis, place in zip(
            self._viewer.dims.displayed, self._viewer.scene.camera.center[-2:], strict=True
        ):
            middle[axis] = place
        return middle

    def _follow(self) -> None:
        self.here_button.setEnabled(self.layer.layer is not None)

    def _show(self, event: PreviewMade) -> None:
        raw = self._looked_at
        if raw is None or raw not in self._viewer.layers:
            return
        data, attributes, _ = preview_layer(raw, event, self._view)
        shown = next((one for one in self._viewer.layers if one.name == attributes["name"]), None)
        if shown is None:
            self._viewer.add_image(data, **attributes)
        else:
            shown.data, shown.translate = data, attributes["translate"]
