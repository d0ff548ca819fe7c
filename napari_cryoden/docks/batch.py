"""The dock "Batch"."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QCheckBox, QProgressBar, QPushButton

from cryoden.dataset.listed_files import SUFFIXES as LISTS
from cryoden.errors import CryodenError
from cryoden.formats.names import SUFFIXES as FILES
from cryoden.settings.denoising import DenoisingSettings
from napari_cryoden.choices.commands import chosen, denoise
from napari_cryoden.choices.halves_choice import HalvesChoice
from napari_cryoden.choices.kept import keep
from napari_cryoden.choices.workers import devices_box, workers_of
from napari_cryoden.jobs.batch import BatchJob, Result
from napari_cryoden.jobs.contact_sheet import ContactSheetJob
from napari_cryoden.navigation import show_dock
from napari_cryoden.notify import viewer_words
from napari_cryoden.preferences import preferences
from napari_cryoden.tool_tip import set_tip
from napari_cryoden.widgets.batch_files import BatchFiles
from napari_cryoden.widgets.dock import Dock, plain_label, row, status_label, weakly
from napari_cryoden.widgets.model_field import ModelField
from napari_cryoden.widgets.path_field import PathField, forget_output, propose_output
from napari_cryoden.widgets.settings_form import SettingsForm, reading_form
from napari_cryoden.window import plain

INPUTS = f"Lists and micrographs ({' '.join(f'*{suffix}' for suffix in (*LISTS, *FILES))})"
STATES = {"paused": "Paused · ", "stopping": "Stopping after the current tile · "}


class BatchWidget(Dock):
    """Choose a folder or a STAR file; a folder with the denoised micrographs comes of it.

    The batch itself belongs to the window: this dock may be closed and opened again meanwhile.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.viewer = plain(napari_viewer)
        self.batch = BatchJob.of(self.viewer)
        self.micrographs = PathField(
            "either",
            "Folder of micrographs, or a STAR file",
            INPUTS,
            "a folder, or a RELION STAR file",
            recent=True,
        )
        self.output = PathField("folder", "Output folder")
        self.model = ModelField(self.viewer)
        self.form = SettingsForm(DenoisingSettings(device=preferences().device))
        self.reading = reading_form()
        self.replace = QCheckBox("Overwrite results of other\nmodels or settings")
        self.devices, self.halves = devices_box(), HalvesChoice()
        self.sheet, self.sheet_button = ContactSheetJob.of(self.viewer), QPushButton("Contact sheet")
        self.files = BatchFiles()
        self.denoise_button, self.cancel_button = QPushButton("Denoise all"), QPushButton("Cancel")
        self.pause_button = QPushButton("Pause")
        self.browse_button = QPushButton("Browse the results")
        self.progress = QProgressBar()
        self.status, self.note = status_label(), plain_label()
        self._proposed: Path | None = None
        self._draws = False
        self._lay_out()
        self._connect()
        self.micrographs.path, self.output.path = self.batch.micrographs, self.batch.output
        keep(self.viewer, "Batch", micrographs=self.micrographs, output=self.output, form=self.form)
        keep(self.viewer, "Batch", reading=self.reading, replace=self.replace, model=self.model)
        keep(self.viewer, "Batch", devices=self.devices, halves=self.halves.box)
        forget_output(self.micrographs, self.output)
        self.follow()

    def denoise(self) -> None:
        """Denoise all files, or say in one line why not."""
        micrographs, output, model = self.micrographs.path, self.output.path, self.model.path
        if micrographs is None or output is None or model is None:
            return
        try:
            settings, replace = self.form.settings(), self.replace.isChecked()
            self.batch.workers = workers_of(self.devices.currentText())
            self.batch.halves = self.halves.chosen
            self.batch.denoise(micrographs, output, model, settings, replace, self.reading.settings())
        except CryodenError as error:
            self.batch.refuse(error)

    def command(self) -> str:
        """Return the command line of this batch."""
        return denoise(
            [chosen(self.micrographs.path, "micrographs")],
            chosen(self.output.path, "an output folder"),
            chosen(self.model.path, "a model"),
            self.form.settings(),
            self.reading.settings(),
            workers_of(self.devices.currentText()),
            more=[*self.halves.flags, *(["--overwrite"] if self.replace.isChecked() else [])],
        )

    def browse(self) -> None:
        """Look through the micrographs of this batch, with their results."""
        browse = show_dock(self.viewer, "Browse")
        browse.sources.results.path = self.batch.output
        given = self.batch.micrographs
        is_list = given is not None and given.suffix.lower() in LISTS
        browse.source.path = given.parent if given is not None and given.is_file() and not is_list else given

    def pause(self) -> None:
        """Pause or resume the batch."""
        self.batch.pause(not self.batch.paused)

    def open_result(self, result: Result) -> None:
        """Show a result beside its micrograph."""
        try:
            self.batch.open_result(result)
        except CryodenError as error:
            self.batch.refuse(error)

    def draw_sheet(self) -> None:
        """Draw some results on one picture beside them, and open it."""
        job = self.batch
        if job.output is not None:
            try:
                self.sheet.draw(job.shown, job.output / "contact_sheet.png", self.reading.settings())
                self._draws = True
            except CryodenError as error:
                job.refuse(error)

    def follow(self) -> None:
        """Show the state of the window's batch."""
        job, problem = self.batch, self._problem()
        self.denoise_button.setEnabled(not problem)
        set_tip(self.denoise_button, problem or "Denoise all files that are not done yet")
        under_way = job.running and not job.stopping
        for button, use in (
            (
                self.pause_button,
                "Continue with the next tile" if job.paused else "Pause after the current tile",
            ),
            (self.cancel_button, "Stop after the current tile; finished files are kept"),
        ):
            button.setEnabled(under_way)
            set_tip(button, use if under_way else self._why_not())
        self.pause_button.setText("Resume" if job.paused else "Pause")
        self.status.setText(STATES.get(job.state, "") + (job.status or problem))
        set_tip(self.status, job.status)
        self.note.setText("\n".join(viewer_words(str(remark)) for remark in job.remarks))
        self.note.setVisible(bool(job.remarks))
        self._show_progress()
        self.files.follow(job)
        self.browse_button.setVisible(bool(job.tally.done + job.tally.skipped) and not job.running)
        self._follow_sheet()

    def _follow_sheet(self) -> None:
        drawing, count = self.sheet.running, self.batch.shown.count
        self.sheet_button.setEnabled(bool(count) and not drawing and not self.batch.running)
        self.sheet_button.setText(f"Contact sheet: {self.sheet.status}" if drawing else "Contact sheet")
        use = f"Raw beside denoised of {self.batch.shown.words}, as contact_sheet.png in the output folder"
        set_tip(self.sheet_button, use if count else "No file is done yet")

    def _open_sheet(self) -> None:
        """Open the sheet that this dock has asked for; another dock hears that it is drawn, too."""
        draws, self._draws = self._draws, False
        if draws and self.sheet.file is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.sheet.file)))

    def _show_progress(self) -> None:
        done = self.batch.progress
        waiting = self.batch.running and done is None
        self.progress.setRange(0, 0 if waiting else 1000)
        if not waiting:
            self.progress.setValue(round(1000 * (done or 0)))

    def _ended(self, message: str) -> None:  # noqa: ARG002  the status line shows it
        self.show_part(self.files)

    def _problem(self) -> str:
        if self.batch.running:
            return "A batch is running in this window; cancel it or wait until it ends"
        if self.micrographs.path is None:
            return "Choose a folder of micrographs, or a STAR file"
        if not self.micrographs.path.exists():
            return f"No such file or folder: {self.micrographs.path}"
        if self.output.path is None:
            return "Choose an output folder"
        return self.model.problem

    def _why_not(self) -> str:
        return "Stopping after the current tile" if self.batch.stopping else "No batch is running"

    def _look_for_halves(self) -> None:
        self.halves.look(self.micrographs.path)

    def _propose(self) -> None:
        self._proposed = propose_output(self.micrographs, self.output, self._proposed)

    def _connect(self) -> None:
        self.denoise_button.clicked.connect(self.denoise)
        self.pause_button.clicked.connect(self.pause)
        self.cancel_button.clicked.connect(self.batch.stop)
        self.files.wanted.connect(self.open_result)
        self.sheet_button.clicked.connect(self.draw_sheet)
        self.sheet.changed.connect(self.follow)
        self.sheet.ended.connect(self._open_sheet)
        self.browse_button.clicked.connect(weakly(self.browse))
        set_tip(self.browse_button, "Page through raw and denoised, accept and reject exposures")
        self.micrographs.chosen.connect(self._propose)
        self.micrographs.chosen.connect(self._look_for_halves)
        for field in (self.micrographs, self.output, self.model):
            field.changed.connect(self.follow)
        self.batch.changed.connect(self.follow)
        self.batch.ended.connect(self._ended)

    def _lay_out(self) -> None:
        set_tip(
            self.replace,
            "Otherwise results made with another model, other settings or from another file are "
            "kept, and listed below; files that are already done are always skipped",
        )
        self.add_sections(
            ("Micrographs", self.micrographs),
            ("Output folder", self.output),
            ("Model", self.model),
            ("Settings", self.form),
            ("Devices at once", self.devices),
            ("Reading", self.reading),
        )
        self.column.insertWidget(2, self.halves)
        self.column.addWidget(self.replace)
        self.column.addWidget(self.files)
        self.column.addWidget(self.sheet_button)
        self.column.addStretch(1)
        self.footer.addLayout(row(self.denoise_button, self.pause_button, self.cancel_button))
        self.footer.addWidget(self.browse_button)
        self.footer.addLayout(row(self.progress, self.copy_button()))
        self.footer.addWidget(self.note)
        self.footer.addWidget(self.status)
