"""The dock "Compare"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari.utils.notifications import show_error
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDoubleSpinBox, QGridLayout, QHBoxLayout, QPushButton, QSlider, QWidget

from cryoden.errors import CryodenError
from napari_cryoden.jobs.denoising import DenoisingJob
from napari_cryoden.jobs.derived_layers import DerivedLayersJob
from napari_cryoden.layers.contrast import Matching
from napari_cryoden.layers.layer_data import facts_of
from napari_cryoden.layers.side_by_side import KEY, Mode
from napari_cryoden.plots.spectra_dock import show_spectra
from napari_cryoden.widgets.dock import Dock, heading, status_label, weakly
from napari_cryoden.widgets.layer_combo import LayerCombo
from napari_cryoden.window import plain

MODES = {
    "grid": "Side by side, under one camera",
    "blink": f"One in place of the other; {KEY} over the canvas shows the next",
    "swipe": "Raw on the left of a line, denoised on its right",
}
MATCHINGS = {
    "each": "Each layer fills the gray scale by itself",
    "same": "Both with the levels of the raw layer: what noise was removed shows",
    "matched": "Both with the levels of the denoised layer: a particle has the same gray in both",
}
NONE = "Choose two different layers of one size"


class CompareWidget(Dock):
    """Choose two layers and how to see them; the user's own view comes back with "End"."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.viewer = plain(napari_viewer)
        self.denoising, self.deriving = DenoisingJob.of(self.viewer), DerivedLayersJob.of(self.viewer)
        self.comparison = self.denoising.comparison
        self.raw = LayerCombo(self.viewer, "The micrograph as it is in its file")
        self.denoised = LayerCombo(
            self.viewer, "What it became: a denoised layer, or another to compare with"
        )
        self._how: Matching = "each"  # as layers are when they come in
        self.modes = _choice(MODES)
        self.matchings = _choice(MATCHINGS)
        self.line = QSlider(Qt.Orientation.Horizontal)
        self.resolution = QDoubleSpinBox()
        self.low_pass_button = QPushButton("Add low-pass")
        self.difference_button = QPushButton("Add difference")
        self.spectra_button = QPushButton("Spectra")
        self.end_button = QPushButton("End comparison")
        self.status = status_label()
        self._lay_out()
        self._connect()
        self._guess()
        self.follow()

    def follow(self) -> None:
        """Show what is compared and what can be done."""
        problem, comparison = self._problem(), self.comparison
        for name, button in self.modes.items():
            button.setEnabled(not problem)
            button.setToolTip(problem or MODES[name])
            button.setChecked(comparison.active and comparison.mode == name)
        for name, button in self.matchings.items():
            button.setEnabled(comparison.active)
            button.setToolTip(MATCHINGS[name] if comparison.active else "Compare two layers first")
            button.setChecked(comparison.active and name == self._how)
        self.line.setEnabled(comparison.active and comparison.mode == "swipe")
        self.end_button.setEnabled(comparison.active)
        busy = "Something is being computed" if self.deriving.running else ""
        for button, use in (
            (self.low_pass_button, "Add what a low-pass leaves of the raw layer: the simplest denoiser"),
            (self.difference_button, "Add raw minus denoised: it should look like noise, without particles"),
            (self.spectra_button, "Power spectra of both, and their Fourier ring correlation, below"),
        ):
            button.setEnabled(not (problem or busy))
            button.setToolTip(problem or busy or use)
        self.status.setText(self.deriving.status or problem)

    def compare(self, mode: Mode) -> None:
        """Show the chosen layers, and what was added for them, in this way."""
        if not self._problem():
            self.comparison.show(self.raw.layer, self.denoised.layer, *self._more(), mode=mode)

    def end(self) -> None:
        """Give the user's own view back."""
        self.comparison.leave()

    def add_low_pass(self) -> None:
        """Add what a low-pass leaves of the raw layer."""
        self._derive(lambda: self.deriving.low_pass(self.raw.layer, self.resolution.value()))

    def add_difference(self) -> None:
        """Add raw minus denoised."""
        self._derive(lambda: self.deriving.difference(self.raw.layer, self.denoised.layer))

    def measure(self) -> None:
        """Show power spectra and ring correlations below the canvas."""
        self._derive(self._spectra)

    def _slide(self) -> None:
        self.comparison.swipe(self.line.value() / self.line.maximum())

    def _match(self, how: Matching) -> None:
        self._how = how
        self.comparison.match(how)
        self.follow()

    def _derive(self, work: Callable[[], None]) -> None:
        try:
            work()
        except CryodenError as error:
            show_error(str(error))

    def _derived(self, message: str) -> None:  # noqa: ARG002  the status line shows it
        """Show a new layer beside the two."""
        added = self.deriving.added
        if added is not None and added in self.viewer.layers and not self._problem():
            self.comparison.show(self.raw.layer, self.denoised.layer, *self._more(), added)
        self.follow()

    def _more(self) -> list[Any]:
        """Return what stands beside the two layers already."""
        first, others = self.comparison.layers[:2], self.comparison.layers[2:]
        same = len(first) == 2 and first[0] is self.raw.layer and first[1] is self.denoised.layer
        return others if same else []

    def _spectra(self) -> None:
        show_spectra(self.viewer)
        self.deriving.measure([self.raw.layer, self.denoised.layer])

    def _problem(self) -> str:
        raw, denoised = self.raw.layer, self.denoised.layer
        if raw is None or denoised is None or raw is denoised:
            return NONE
        return "" if raw.data.shape == denoised.data.shape else NONE

    def _guess(self) -> None:
        """Take the last raw and denoised layers of this window, else a layer and its result by role."""
        result = self.denoising.result
        if result is not None and result in self.viewer.layers and self.denoising.raw in self.viewer.layers:
            self.raw.layer, self.denoised.layer = self.denoising.raw, result
            return
        for layer in self.viewer.layers:
            if facts_of(layer).get("role") == "denoised":
                self.denoised.layer = layer
                source = layer.name.removesuffix(" · denoised")
                self.raw.setCurrentIndex(max(0, self.raw.findText(source)))
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
        self.low_pass_button.clicked.connect(weakly(self.add_low_pass))
        self.difference_button.clicked.connect(weakly(self.add_difference))
        self.spectra_button.clicked.connect(weakly(self.measure))
        self.end_button.clicked.connect(self.end)
        self.raw.currentIndexChanged.connect(weakly(self.follow))
        self.denoised.currentIndexChanged.connect(weakly(self.follow))
        self.deriving.changed.connect(self.follow)
        self.deriving.failed.connect(show_error)
        self.deriving.ended.connect(self._derived)
        self.denoising.ended.connect(self._finished)
        self.comparison.changed.connect(self.follow)

    def _lay_out(self) -> None:
        self.line.setRange(0, 1000)
        self.line.setValue(500)
        self.line.setToolTip("Where the line is that divides raw from denoised")
        self.resolution.setRange(2, 500)
        self.resolution.setValue(20)
        self.resolution.setSuffix(" Å")
        self.resolution.setDecimals(0)
        self.resolution.setToolTip("Structures finer than this are removed")
        self.end_button.setToolTip("Give your own view back: layers, grid, contrast, scale bar")
        for title, parts in (
            ("Raw", (self.raw,)),
            ("Denoised", (self.denoised,)),
            ("See them", (_row(self.modes), self.line)),
            ("Contrast", (_row(self.matchings),)),
        ):
            self.column.addWidget(heading(title))
            for part in parts:
                self.column.addWidget(part)
        self.column.addWidget(heading("Beside them"))
        grid = QGridLayout()
        grid.addWidget(self.resolution, 0, 0)
        grid.addWidget(self.low_pass_button, 0, 1)
        grid.addWidget(self.difference_button, 1, 0)
        grid.addWidget(self.spectra_button, 1, 1)
        self.column.addLayout(grid)
        self.column.addStretch(1)
        self.footer.addWidget(self.end_button)
        self.footer.addWidget(self.status)


def _choice(offered: dict[str, str]) -> dict[str, QPushButton]:
    buttons = {name: QPushButton(name.capitalize()) for name in offered}
    for button in buttons.values():
        button.setCheckable(True)
    return buttons


def _row(buttons: dict[str, QPushButton]) -> QWidget:
    widget = QWidget()
    row = QHBoxLayout(widget)
    row.setContentsMargins(0, 0, 0, 0)
    for button in buttons.values():
        row.addWidget(button)
    return widget
