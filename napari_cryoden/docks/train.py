"""The dock "Train a denoiser"."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from napari.utils.theme import get_theme
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QGridLayout, QMessageBox, QProgressBar, QPushButton

from cryoden.errors import CryodenError
from cryoden.settings.training import TrainingSettings
from napari_cryoden.choices.commands import chosen, training
from napari_cryoden.choices.kept import keep
from napari_cryoden.docks.batch_afterwards import BatchAfterwards
from napari_cryoden.jobs.then_batch import ThenBatch
from napari_cryoden.jobs.training import TrainingJob
from napari_cryoden.navigation import show_dock
from napari_cryoden.notify import show_problem
from napari_cryoden.paths import MODELS, RUNS, documents, free_name
from napari_cryoden.plots.loss_dock import show_plot
from napari_cryoden.preferences import preferences
from napari_cryoden.tool_tip import set_tip
from napari_cryoden.widgets.dock import Dock, row, status_label, weakly
from napari_cryoden.widgets.live_preview import LivePreview
from napari_cryoden.widgets.path_field import PathField
from napari_cryoden.widgets.settings_form import SettingsForm
from napari_cryoden.widgets.training_data import TrainingData
from napari_cryoden.widgets.verdict_label import VerdictLabel
from napari_cryoden.window import plain

PAUSE = "Pause after the current step; the clock of the run stops, too"
RESUME = "Continue the run from the next step"
KEEP = "Stop (keep best)", "Stop the run now; the model of the best epoch stays in the output folder"
VALIDATE = (
    "Stop (validate first)",
    "Stop the run, validate what it has learned, and keep it where it is better than the start",
)
NOTHING_YET = "Stop (no model yet)", "Nothing has been learned yet: a run that is stopped now leaves no model"
STATES = {"paused": "Paused · ", "stopping": "Stopping after the current step · "}


class TrainWidget(Dock):
    """Choose material, a run folder and settings; watch, stop, keep the best.

    The run itself belongs to the window: this dock may be closed and opened again meanwhile.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.viewer = plain(napari_viewer)
        self.run = TrainingJob.of(self.viewer)
        self.source = TrainingData(self.viewer)
        self.folder = PathField("save", "Output folder (new run)")
        self.start_model = PathField("open", "Model to fine-tune", MODELS, "model file")
        self.preview = LivePreview(self.viewer)
        self.form = SettingsForm(TrainingSettings(device=preferences().device))
        self.then = BatchAfterwards(self.viewer)
        self.afterwards = ThenBatch.of(self.viewer)
        self.train_button = QPushButton("Train")
        self.pause_button = QPushButton("Pause")
        self.stop_button = QPushButton("Stop (keep best)")
        self.discard_button = QPushButton("Discard")
        self.plot_button = QPushButton("Curves")
        self.denoise_button = QPushButton("Denoise with this model")
        self.batch_button = QPushButton("Batch with it")
        self.verdict = VerdictLabel(lines=2)
        self.status = status_label()
        self.progress = QProgressBar()
        self._proposed: Path | None = None
        self._lay_out()
        self._connect()
        keep(self.viewer, "Train", form=self.form, start=self.start_model)
        keep(self.viewer, "Train", choice=self.source.choice, data=self.source.folder)
        self._propose()
        self.follow()

    def train(self) -> None:
        """Start a run with what is chosen, or say in one line why not."""
        try:
            settings, target = self.form.settings(), self.folder.path
            if target is None:
                return
            if self.then.problem:  # the dock Batch may have other settings since the button was enabled
                show_problem(self.then.problem)
                return
            self.run.train(self.source.material(), target, settings, self.start_model.path)
            self.afterwards.plan = self.then.plan()
            if preferences().live_preview:
                self.preview.look_somewhere()
        except CryodenError as error:
            self.run.refuse(error)
            return
        show_plot(self.viewer)

    def show_plot(self) -> None:
        """Show the plot below the canvas again."""
        show_plot(self.viewer)

    def pause(self) -> None:
        """Pause or resume the run."""
        self.run.pause(not self.run.paused)

    def command(self) -> str:
        """Return the command line of this training, and of what comes after it."""
        target = chosen(self.folder.path, "an output folder")
        return training(self.source, target, self.form.settings(), self.start_model.path, self.then.plan())

    def use_model(self, dock: str) -> None:
        """Go on to a dock with the model of the last run."""
        show_dock(self.viewer, dock).model.path = self.run.model_file

    def discard(self) -> None:
        """End the run without a model, once the user has said yes."""
        question = "Stop the run and delete everything it has written?"
        if QMessageBox.question(self, "Discard run", question) == QMessageBox.StandardButton.Yes:
            self.run.discard()

    def follow(self) -> None:
        """Show the state of the window's run."""
        problem = self._problem()
        self.train_button.setEnabled(not problem)
        set_tip(self.train_button, problem or "Start training; the best model so far is always saved")
        under_way = self.run.running and not self.run.stopping
        words, how_to_stop = self._stop()
        self.stop_button.setText(words)
        for button, use in (
            (self.pause_button, RESUME if self.run.paused else PAUSE),
            (self.stop_button, how_to_stop),
            (self.discard_button, "Stop the run now and delete everything it has written"),
        ):
            button.setEnabled(under_way)
            set_tip(button, use if under_way else self._why_not())
        for button in (self.denoise_button, self.batch_button):
            button.setVisible(self.run.saved and not self.run.running)
        self.pause_button.setText("Resume" if self.run.paused else "Pause")
        self.status.setText(STATES.get(self.run.state, "") + self.run.status)
        set_tip(self.status, self.run.status)
        self.verdict.show_verdict(self.run.history.verdict if self.run.history else None)
        self._show_progress()

    def _stop(self) -> tuple[str, str]:
        """Return what a stop would do now, on the button and in its tip."""
        if not self.run.running or self.run.saved:
            return KEEP
        begun = self.run.history is not None and self.run.history.epochs and self.run.history.last
        return VALIDATE if begun else NOTHING_YET

    def _take_theme(self, event: Any = None) -> None:  # noqa: ARG002  napari passes its event
        self.verdict.set_theme(get_theme(self.viewer.theme).type == "dark")

    def _problem(self) -> str:
        if self.run.running:
            return "A training run is active in this window; stop it or wait until it ends"
        if self.folder.path is None:
            return "Choose an output folder"
        if os.path.lexists(self.folder.path):
            return f"{self.folder.path.name} already exists: choose another name"
        return self.source.problem or self.then.problem

    def _why_not(self) -> str:
        return "Stopping after the current step" if self.run.stopping else "No training is running"

    def _show_folders(self) -> None:
        QTimer.singleShot(0, weakly(self.show_part, self.then))  # they have no place yet

    def _wanted_afterwards(self) -> None:
        """Take another choice while the run goes."""
        if self.run.running:
            self.afterwards.plan = self.then.plan()
        self.follow()

    def _show_progress(self) -> None:
        done = self.run.progress
        waiting = self.run.running and done is None
        self.progress.setRange(0, 0 if waiting else 1000)
        if not waiting:
            self.progress.setValue(round(1000 * (done or 0)))

    def _propose(self) -> None:
        """Name a new run folder where runs go, else beside the data, unless the user has named one."""
        if self.run.running and self.run.folder is not None:
            self.folder.path = self._proposed = self.run.folder.path
        if self.run.running or self.folder.path not in {None, self._proposed}:
            return
        data = self.source.data_folder
        beside = data / RUNS if data is not None and os.access(data, os.W_OK) else documents() / RUNS
        self._proposed = free_name(preferences().runs or beside)
        self.folder.path = self._proposed

    def _ended(self, message: str) -> None:  # noqa: ARG002  the status line shows it
        if self.run.folder is not None and self.folder.path == self._proposed:
            self.folder.path = self._proposed = free_name(self.run.folder.path.parent)
        self._propose()
        self.follow()

    def _connect(self) -> None:
        self.train_button.clicked.connect(self.train)
        self.pause_button.clicked.connect(self.pause)
        self.stop_button.clicked.connect(self.run.stop)
        self.discard_button.clicked.connect(self.discard)
        self.plot_button.clicked.connect(weakly(self.show_plot))
        set_tip(self.plot_button, "Show the curves of the run below the canvas")
        for button, dock in ((self.denoise_button, "Denoise"), (self.batch_button, "Batch")):
            button.clicked.connect(weakly(self.use_model, dock))
            set_tip(button, f"Open {dock} with the model of this run")
        self.viewer.events.theme.connect(self._take_theme)
        self._take_theme()
        self.run.changed.connect(self.follow)
        self.run.ended.connect(self._ended)
        self.source.changed.connect(self._propose)
        self.source.changed.connect(self.follow)
        self.folder.changed.connect(self.follow)
        self.then.changed.connect(self._wanted_afterwards)
        self.then.wanted.toggled.connect(self._show_folders)

    def _lay_out(self) -> None:
        self.add_sections(
            ("Training data", self.source),
            ("Live preview", self.preview),
            ("Output folder (new run)", self.folder),
            ("Settings", self.form),
            ("Fine-tune from (optional)", self.start_model),
            ("Afterwards", self.then),
        )
        self.column.addStretch(1)
        buttons = QGridLayout()
        for place, button in enumerate((self.train_button, self.pause_button, self.plot_button)):
            buttons.addWidget(button, 0, place)
        buttons.addWidget(self.stop_button, 1, 0, 1, 2)
        buttons.addWidget(self.discard_button, 1, 2)
        self.footer.addLayout(buttons)
        onward = row(self.denoise_button, self.batch_button)
        onward.setStretch(0, 2)
        onward.setStretch(1, 1)
        self.footer.addLayout(onward)
        self.footer.addLayout(row(self.progress, self.copy_button()))
        self.footer.addWidget(self.verdict)
        self.footer.addWidget(self.status)
