"""The dock "Compare"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QSlider, QWidget

from cryoden.errors import CryodenError
from napari_cryoden.docks.band_field import BandField
from napari_cryoden.jobs.companions import originals
from napari_cryoden.jobs.denoising import DenoisingJob
from napari_cryoden.jobs.derived_layers import DerivedLayersJob
from napari_cryoden.layers.contrast import Matching
from napari_cryoden.layers.layer_data import facts_of, raw_of
from napari_cryoden.layers.plane import size_of, square_pixel_size
from napari_cryoden.layers.side_by_side import KEY, Mode
from napari_cryoden.plots.spectra_dock import TITLE as SPECTRA
from napari_cryoden.plots.spectra_dock import show_spectra
from napari_cryoden.tool_tip import set_tip
from napari_cryoden.widgets.dock import Dock, heading, hide_below, row, status_label, weakly
from napari_cryoden.widgets.layer_combo import LayerCombo
from napari_cryoden.window import plain

MODES = {
    "grid": "Side by side, with linked pan and zoom",
    "blink": f"Blink between the layers; press {KEY} over the canvas for the next one",
    "swipe": "Raw left, denoised right of a movable line",
}
MATCHINGS = {
    "each": (
        "Raw: three standard deviations about the median, from absolute deviations, which ice crystals do "
        "not change. Low-pass and denoised: one width, so that equal differences are equally gray"
    ),
    "same": "All layers with the limits of the raw layer: shows how much noise was removed",
    "matched": "All layers with the limits of the denoised layer: a particle has the same gray in all",
}
LIMITS = {"each": "Auto", "same": "Raw limits", "matched": "Denoised limits"}
VIEW = "Set the contrast by the part of the layers that is in view: after zooming, or past an ice crystal"
RESIDUAL = "Add the residual (raw − denoised): it should look like noise, without particles"
NONE = "Choose two different layers of the same size"


class CompareWidget(Dock):
    """Choose two layers and how to see them; the user's own view comes back with "End"."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.viewer = plain(napari_viewer)
        self.denoising, self.deriving = DenoisingJob.of(self.viewer), DerivedLayersJob.of(self.viewer)
        self.comparison = self.denoising.comparison
        self.raw = LayerCombo(self.viewer, "The raw micrograph")
        self.denoised = LayerCombo(self.viewer, "Denoised layer, or any other layer to compare with")
        self.modes = _choice({name: name.capitalize() for name in MODES})
        self.matchings = _choice(LIMITS)
        self.line = QSlider(Qt.Orientation.Horizontal)
        self.filters = BandField()
        self.view_button = QPushButton("Contrast of what is in view")
        self.residual_button = QPushButton("Add residual")
        self.spectra_button = QPushButton("Spectra")
        self.end_button = QPushButton("Restore previous view")
        self.status = status_label()
        self._lay_out()
        self._connect()
        self._guess()
        self._show_band()
        self.follow()

    def follow(self) -> None:
        """Show what is compared and what can be done."""
        problem, comparison = self._problem(), self.comparison
        for name, button in self.modes.items():
            button.setEnabled(not problem)
            set_tip(button, problem or MODES[name])
            button.setChecked(comparison.active and comparison.mode == name)
        for name, button in self.matchings.items():
            button.setEnabled(comparison.active)
            set_tip(button, MATCHINGS[name] if comparison.active else "Compare two layers first")
            button.setChecked(comparison.active and name == comparison.how)
        self.view_button.setEnabled(comparison.active)
        set_tip(self.view_button, VIEW if comparison.active else "Compare two layers first")
        self.line.setEnabled(comparison.active and comparison.mode == "swipe")
        self.end_button.setEnabled(comparison.active)
        busy = "A computation is running" if self.deriving.running else ""
        for button, use in (
            (self.residual_button, RESIDUAL),
            (self.spectra_button, "Show power spectra and FRC below the canvas"),
        ):
            button.setEnabled(not (problem or busy))
            set_tip(button, problem or busy or use)
        self.status.setText(self.deriving.status or problem)

    def compare(self, mode: Mode) -> None:
        """Show the chosen layers in this way, with what was and what will be made of them."""
        if self._problem():
            return
        copies = self.deriving.copies(self.raw.layer, self.denoised.layer)
        self.comparison.show(*copies.shown(), *self._more(), mode=mode)
        if copies.complete:
            copies.remove_others()
        elif not self.deriving.running:
            self._derive(lambda: self.deriving.filter(self.raw.layer, self.denoised.layer))

    def end(self) -> None:
        """Give the user's own view back."""
        self.comparison.leave()
        hide_below(self.viewer, SPECTRA)

    def filter(self) -> None:
        """Show what is compared with the filters that are chosen now."""
        self.deriving.band = self.filters.band
        if self.comparison.active:
            self.compare(self.comparison.mode)

    def add_residual(self) -> None:
        """Add raw minus denoised."""
        self._derive(lambda: self.deriving.residual(self.raw.layer, self.denoised.layer))

    def measure(self) -> None:
        """Show power spectra and ring correlations below the canvas."""
        self._derive(self._spectra)

    def _slide(self) -> None:
        self.comparison.swipe(self.line.value() / self.line.maximum())

    def look_closer(self) -> None:
        """Set the contrast by what is in view."""
        self.comparison.match(in_view=True)

    def _match(self, how: Matching) -> None:
        self.comparison.match(how)
        self.follow()

    def _derive(self, work: Callable[[], None]) -> None:
        try:
            work()
        except CryodenError as error:
            self.deriving.refuse(error)

    def _derived(self, message: str) -> None:  # noqa: ARG002  the status line shows it
        """Show new layers beside the two, not beside another dock's; what failed is not tried again."""
        if self.deriving.state == "finished" and (self._added() or self._are_shown()):
            self.compare(self.comparison.mode)
        self.follow()

    def _more(self) -> list[Any]:
        """Return what else was made of the two layers, as a residual or a confidence."""
        others = [*(self.comparison.layers[2:] if self._are_shown() else []), *self._added()]
        return list(dict.fromkeys(one for one in others if "band" not in facts_of(one)))

    def _are_shown(self) -> bool:
        return originals(self.comparison.layers[:2]) == self._chosen()

    def _added(self) -> list[Any]:
        return [self.deriving.added] if self.deriving.has_added_to(self._chosen()) else []

    def _chosen(self) -> list[Any]:
        return [getattr(one.layer, "unique_id", None) for one in (self.raw, self.denoised)]

    def _show_band(self) -> None:
        raw = self.raw.layer
        size = square_pixel_size(raw) if raw is not None and size_of(raw) else None
        self.filters.show_band(self.deriving.band, size)

    def _spectra(self) -> None:
        show_spectra(self.viewer)
        self.deriving.measure([self.raw.layer, self.denoised.layer])

    def _problem(self) -> str:
        raw, denoised = self.raw.layer, self.denoised.layer
        if raw is None or denoised is None or raw is denoised:
            return NONE
        return "" if size_of(raw) is not None and size_of(raw) == size_of(denoised) else NONE

    def _guess(self) -> None:
        """Take the last raw and denoised layers of this window, else a layer and its result by role."""
        result = self.denoising.result
        if result is not None and result in self.viewer.layers and self.denoising.raw in self.viewer.layers:
            self.raw.layer, self.denoised.layer = self.denoising.raw, result
            return
        for layer in self.viewer.layers:
            if facts_of(layer).get("role") == "denoised":
                self.denoised.layer = layer
                self.raw.layer = raw_of(layer, self.viewer.layers) or self.raw.layer
                return
        if self.denoised.count() > 1:
            self.denoised.setCurrentIndex(1)

    def _finished(self, message: str) -> None:  # noqa: ARG002  the Denoise dock shows it
        self._guess()
        self.follow()

    def _connect(self) -> None:
        for name, button in self.modes.items():
            button.clicked.connect(weakly(self.compare, name))
        for name, button in self.matchings.items():
            button.clicked.connect(weakly(self._match, name))
        self.line.valueChanged.connect(weakly(self._slide))
        self.filters.changed.connect(weakly(self.filter))
        self.view_button.clicked.connect(weakly(self.look_closer))
        self.residual_button.clicked.connect(weakly(self.add_residual))
        self.spectra_button.clicked.connect(weakly(self.measure))
        self.end_button.clicked.connect(self.end)
        self.raw.currentIndexChanged.connect(weakly(self._show_band))
        self.raw.currentIndexChanged.connect(weakly(self.follow))
        self.denoised.currentIndexChanged.connect(weakly(self.follow))
        self.deriving.changed.connect(self.follow)
        self.deriving.ended.connect(self._derived)
        self.denoising.ended.connect(self._finished)
        self.comparison.changed.connect(self.follow)

    def _lay_out(self) -> None:
        self.line.setRange(0, 1000)
        self.line.setValue(500)
        set_tip(self.line, "Position of the line between raw and denoised")
        set_tip(self.end_button, "Restore the previous view: layers, grid, contrast, scale bar")
        for title, parts in (
            ("Raw", (self.raw,)),
            ("Denoised", (self.denoised,)),
            ("View", (_row(self.modes), self.line)),
            ("Contrast", (_row(self.matchings), self.view_button)),
            ("Filters", (self.filters,)),
        ):
            self.column.addWidget(heading(title))
            for part in parts:
                self.column.addWidget(part)
        self.column.addWidget(heading("Add layers"))
        self.column.addLayout(row(self.residual_button, self.spectra_button))
        self.column.addStretch(1)
        self.footer.addWidget(self.end_button)
        self.footer.addWidget(self.status)


def _choice(labels: dict[str, str]) -> dict[str, QPushButton]:
    buttons = {name: QPushButton(label) for name, label in labels.items()}
    for button in buttons.values():
        button.setCheckable(True)
    return buttons


def _row(buttons: dict[str, QPushButton]) -> QWidget:
    widget = QWidget()
    made = QHBoxLayout(widget)
    made.setContentsMargins(0, 0, 0, 0)
    for button in buttons.values():
        made.addWidget(button)
    return widget
