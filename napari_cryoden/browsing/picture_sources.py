"""Where denoised pictures and picks come from, folded away until it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QCheckBox, QLabel, QToolButton, QVBoxLayout, QWidget

from cryoden.picking.read_picks import SUFFIXES
from napari_cryoden.tool_tip import set_tip
from napari_cryoden.widgets.model_field import ModelField
from napari_cryoden.widgets.path_field import PathField
from napari_cryoden.widgets.settings_form import reading_form

COORDINATES = f"Coordinates ({' '.join(f'*{suffix}' for suffix in SUFFIXES)})"


class PictureSources(QWidget):
    """A model, a folder of results, coordinates, and how files are read.

    Parameters
    ----------
    viewer : Viewer
        Whose runs offer models.

    Signals
    -------
    model_changed
        Exposures are to be denoised with another model, or not at all, or read otherwise.
    """

    model_changed = Signal()

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.unfold = QToolButton()
        self.live = QCheckBox("Denoise exposures without a result")
        self.model = ModelField(viewer)
        self.results = PathField("folder", "Folder with denoised micrographs", placeholder="none")
        self.picks = PathField("either", "Picks: a file or a folder", COORDINATES, "none")
        self.reading = reading_form()
        # Files are not read anew for each digit, nor for 0 on the way to 0.8.
        self.reading.fields["pixel_size"].native.setKeyboardTracking(False)
        self._parts = QWidget()
        self._lay_out()
        self.model.changed.connect(self.model_changed)
        self.live.toggled.connect(self.model_changed)
        self.reading.changed.connect(self.model_changed)
        self.unfold.toggled.connect(self._unfold)

    @property
    def chosen_model(self) -> Path | None:
        """What exposures without a result are denoised with."""
        return self.model.path if self.live.isChecked() and not self.model.problem else None

    def _unfold(self, on: bool) -> None:
        self.unfold.setArrowType(Qt.ArrowType.DownArrow if on else Qt.ArrowType.RightArrow)
        self._parts.setVisible(on)

    def _lay_out(self) -> None:
        self.live.setChecked(True)
        set_tip(self.live, "With this model, as they are looked at; the next ones ahead")
        set_tip(self.results, "Output folder of a batch on the same micrographs")
        self.unfold.setText("Denoising, picks and reading")
        set_tip(
            self.unfold,
            "What exposures are denoised with, which picks lie over them, how files are read",
        )
        self.unfold.setCheckable(True)
        self.unfold.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        parts = QVBoxLayout(self._parts)
        parts.setContentsMargins(0, 0, 0, 0)
        for part in (self.live, self.model, QLabel("Denoised micrographs"), self.results):
            parts.addWidget(part)
        parts.addWidget(QLabel("Picks"))
        parts.addWidget(self.picks)
        parts.addWidget(QLabel("Reading"))
        parts.addWidget(self.reading)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.unfold)
        column.addWidget(self._parts)
        self._unfold(on=False)
