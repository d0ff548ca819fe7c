"""A choice among the image layers of a viewer, held as objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari.layers import Image
from qtpy.QtWidgets import QComboBox

from napari_cryoden.layers.layer_data import is_raw
from napari_cryoden.tool_tip import set_tip


class LayerCombo(QComboBox):
    """Follows the layer list: names change, layers come and go, the chosen one stays chosen.

    Parameters
    ----------
    viewer : Viewer
        Whose layers are offered.
    use : str
        What the layer is chosen for.
    none : str
        Name of a first entry for no layer at all; empty for no such entry.
    offers : callable
        Which layers are offered; images, where nothing else is said.
    """

    def __init__(
        self, viewer: Any, use: str, none: str = "", offers: Callable[[Any], bool] | None = None
    ) -> None:
        super().__init__()
        self._offers = offers or (lambda layer: isinstance(layer, Image))
        set_tip(self, use)
        self._none = none
        self._viewer = viewer
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(8)
        events = viewer.layers.events
        for event in (events.inserted, events.removed, events.reordered, events.renamed):
            event.connect(self._refresh)
        self._refresh()

    @property
    def layer(self) -> Any:
        """The chosen layer, ``None`` while there is none."""
        return self.currentData()

    @layer.setter
    def layer(self, layer: Any) -> None:
        self.setCurrentIndex(self._position(layer))

    def _refresh(self, event: Any = None) -> None:  # noqa: ARG002  napari passes its event
        chosen = self.layer
        found = [layer for layer in self._viewer.layers if self._offers(layer)]
        self.blockSignals(True)
        self.clear()
        if self._none:
            self.addItem(self._none, None)
        for layer in found:
            self.addItem(layer.name, layer)
        first = next((layer for layer in found if is_raw(layer)), None)  # else a preview may be the first
        kept = self._position(chosen)
        self.setCurrentIndex(kept if kept >= 0 else self._position(None if self._none else first))
        self.blockSignals(False)
        self.currentIndexChanged.emit(self.currentIndex())

    def _position(self, layer: Any) -> int:
        return next((row for row in range(self.count()) if self.itemData(row) is layer), -1)
