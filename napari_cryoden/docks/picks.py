"""The dock "Picks"."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QFileDialog, QLabel, QPushButton, QSlider

from cryoden.errors import CryodenError
from cryoden.formats.names import SUFFIXES
from cryoden.picking.picks import Picks
from cryoden.picking.star_output import write_edited
from cryoden.settings.arguments import arguments, command, option
from cryoden.settings.picking import PickingSettings
from napari_cryoden.choices.commands import file_of, reading_of
from napari_cryoden.choices.kept import keep
from napari_cryoden.contributions.picks_reader import show_picks
from napari_cryoden.jobs.denoising import DenoisingJob
from napari_cryoden.jobs.picking import PickingJob
from napari_cryoden.layers.layer_data import facts_of, is_raw
from napari_cryoden.layers.picks_layer import (
    follow_file,
    image_under,
    is_picks,
    picks_of,
    set_diameter,
    show_above,
)
from napari_cryoden.tool_tip import set_tip
from napari_cryoden.widgets.dock import Dock, heading, row, status_label, weakly
from napari_cryoden.widgets.layer_combo import LayerCombo
from napari_cryoden.widgets.path_field import PathField
from napari_cryoden.widgets.settings_form import SettingsForm
from napari_cryoden.window import plain

COORDINATES = "Coordinates (*.star *.cs *.csg *.cbox *.box *.txt);;All files (*)"
STAR = "STAR files (*.star)"
STACKS = f"Stacks ({' '.join(f'*{suffix}' for suffix in SUFFIXES)})"
STEPS = 1000  # of the slider


class PicksWidget(Dock):
    """See picks on raw and denoised alike, find some without training, edit and save them."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.viewer = plain(napari_viewer)
        self.picking = PickingJob.of(self.viewer)
        self.layer = LayerCombo(self.viewer, "Layer to pick on: raw, denoised, or low-passed")
        self.form = SettingsForm(PickingSettings(diameter=self.picking.diameter))
        self.template = PathField("open", "Class averages to pick by", STACKS, "class averages (optional)")
        self.known = LayerCombo(
            self.viewer, "Picks taken for true: what is found is compared with them", "none", is_picks
        )
        self.picks = LayerCombo(self.viewer, "Picks to filter and to save", offers=is_picks)
        self.flip = QCheckBox("Count rows from the other edge")
        self.least, self.count = QSlider(Qt.Orientation.Horizontal), QLabel()
        self.pick_button, self.cancel_button = QPushButton("Pick"), QPushButton("Cancel")
        self.open_button, self.save_button = QPushButton("Open coordinates…"), QPushButton("Save STAR…")
        self.status = status_label()
        self._filtered: Any = None
        self._lay_out()
        self._connect()
        keep(self.viewer, "Picks", form=self.form, template=self.template)
        self._filter()
        self.follow()

    def pick(self) -> None:
        """Pick the chosen layer, or say in one line why not."""
        if self._problem():
            return
        try:
            against = self.known.layer
            self.picking.pick(self.layer.layer, self.form.settings(), self.template.path, against)
        except CryodenError as error:
            self.picking.refuse(error)

    def command(self) -> str:
        """Return the command line that picks the file of the layer."""
        path, template = file_of(self.layer.layer), self.template.path
        flags = *arguments(self.form.settings()), *option("template", template and template.absolute())
        return command("pick", path, "--output", path.parent / "picks", *flags, *reading_of(self.layer.layer))

    def open(self, paths: list[Path]) -> None:
        """Show coordinates on the micrographs they belong to."""
        on = self.layer.layer
        try:
            shown = show_picks(
                self.viewer,
                paths,
                self.form.settings().diameter or self.picking.diameter,
                flip=self.flip.isChecked(),
                on=on if on is not None and is_raw(on) else None,
            )
        except CryodenError as error:
            self.picking.refuse(error)
            return
        self.picks.layer = shown[0]
        self.status.setText(f"{sum(len(one.data) for one in shown):,} picks on {len(shown):,} micrographs")
        DenoisingJob.of(self.viewer).comparison.arrange()

    def save(self, path: Path, *, replace_source: bool = False) -> None:
        """Write the picks that are shown, in a copy of the STAR file they are from, or in a new one."""
        layer = self.picks.layer
        image = image_under(list(self.viewer.layers), layer)
        picks, before = picks_of(layer, image), facts_of(layer).get("picks")
        before = before if isinstance(before, Picks) else picks
        try:
            written = write_edited(picks, before, path, overwrite=True, replace_source=replace_source)
        except CryodenError as error:
            self.picking.refuse(error)
        else:
            if replace_source:
                follow_file(self.viewer.layers, layer, written)
            self.status.setText(f"{len(picks):,} picks written: {path}")

    def follow(self) -> None:
        """Show the state of the window's picking."""
        job, problem = self.picking, self._problem()
        self.pick_button.setEnabled(not problem)
        set_tip(self.pick_button, problem or "Find particles on this layer, and add them as circles")
        self.cancel_button.setEnabled(job.running and not job.stopping)
        self.save_button.setEnabled(self.picks.layer is not None)
        self.status.setText(job.status or problem)

    def _problem(self) -> str:
        if self.picking.running:
            return "A layer is being picked; cancel it or wait until it is done"
        if self.layer.layer is None:
            return "Open a micrograph first"
        if self.template.path is not None and not self.template.path.is_file():
            return f"No such file: {self.template.path}"
        return ""

    def _picked(self, message: str) -> None:  # noqa: ARG002  the status line shows it
        if self.picking.added is not None:
            self.picks.layer = self.picking.added
        self.follow()

    def _filter(self) -> None:
        """Hide picks below the figure of merit that the slider stands for."""
        layer = self.picks.layer
        merits = np.zeros(0) if layer is None else picks_of(layer, shown=False).merits
        known = merits[np.isfinite(merits)]
        self.least.setEnabled(len(known) > 0)
        if layer is None:
            self.count.setText("")
            return
        share = self.least.value() / STEPS
        least = float(known.min() + share * np.ptp(known)) if len(known) and share else -np.inf
        show_above(self.viewer.layers, layer, least)
        above = f", figure of merit {least:.2f} and more" if np.isfinite(least) else ""
        self.count.setText(f"{int(np.sum(layer.shown)):,} of {len(layer.data):,} picks shown{above}")

    def _chosen(self) -> None:
        if self.picks.layer is not self._filtered:  # the list of layers may have changed, and the choice not
            self.least.blockSignals(True)
            self.least.setValue(0)
            self.least.blockSignals(False)
        self._filtered = self.picks.layer
        self._filter()
        self.follow()

    def _resize(self) -> None:
        """Draw the picks of the chosen layer as circles of the diameter in the form."""
        layer, diameter = self.picks.layer, self.form.fields["diameter"].value
        if layer is not None and diameter:
            image = image_under(list(self.viewer.layers), layer)
            set_diameter(self.viewer.layers, layer, diameter, image)

    def _ask_open(self) -> None:
        chosen, _ = QFileDialog.getOpenFileNames(self, "Open coordinates", "", COORDINATES)
        if chosen:
            self.open([Path(one) for one in chosen])

    def _ask_save(self) -> None:
        before = facts_of(self.picks.layer).get("picks")
        source = before.source if isinstance(before, Picks) else None
        proposed = f"{Path(source).stem}_edited.star" if source else "picks.star"
        chosen, _ = QFileDialog.getSaveFileName(self, "Save picks", proposed, STAR)
        if chosen:  # the dialog has asked whether to replace what is there
            path = Path(chosen)
            same = source is not None and path.exists() and path.samefile(source)
            self.save(path if path.suffix else path.with_suffix(".star"), replace_source=same)

    def _connect(self) -> None:
        self.pick_button.clicked.connect(self.pick)
        self.cancel_button.clicked.connect(self.picking.stop)
        self.open_button.clicked.connect(weakly(self._ask_open))
        self.save_button.clicked.connect(weakly(self._ask_save))
        self.least.valueChanged.connect(weakly(self._filter))
        self.picks.currentIndexChanged.connect(weakly(self._chosen))
        self.layer.currentIndexChanged.connect(weakly(self.follow))
        self.template.changed.connect(self.follow)
        self.form.fields["diameter"].changed.connect(weakly(self._resize))
        self.picking.changed.connect(self.follow)
        self.picking.ended.connect(self._picked)

    def _lay_out(self) -> None:
        set_tip(self.cancel_button, "Stop")
        set_tip(self.open_button, "RELION STAR, cryoSPARC .cs, EMAN .box, crYOLO .cbox, Topaz .txt")
        set_tip(self.save_button, "Save what is shown; of a STAR file all else is kept")
        set_tip(self.flip, "For coordinates whose y axis is the other way round, as of some exports")
        set_tip(self.least, "Hide picks with a smaller figure of merit")
        self.least.setRange(0, STEPS)
        self.count.setWordWrap(True)
        for title, parts in (
            ("Pick on", (self.layer, self.form, self.template)),
            ("Compare with known picks", (self.known,)),
            ("Shown picks", (self.picks, self.least, self.count)),
            ("Coordinate files", (self.flip,)),
        ):
            self.column.addWidget(heading(title))
            for part in parts:
                self.column.addWidget(part)
        self.column.addLayout(row(self.open_button, self.save_button))
        self.column.addStretch(1)
        self.footer.addLayout(row(self.pick_button, self.cancel_button, self.copy_button()))
        self.footer.addWidget(self.status)
