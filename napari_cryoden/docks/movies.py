"""The dock "From movies"."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QCheckBox, QProgressBar, QPushButton

from cryoden.errors import CryodenError
from cryoden.events.batch import FileFinished
from cryoden.settings.arguments import arguments, command, option
from cryoden.settings.movies import MovieSettings
from napari_cryoden.choices.commands import chosen
from napari_cryoden.choices.kept import keep
from napari_cryoden.jobs.batch import Result
from napari_cryoden.jobs.movies import MoviesJob, halves_of, shifts_of
from napari_cryoden.jobs.opening import OpeningJob
from napari_cryoden.navigation import show_dock
from napari_cryoden.paths import FEW
from napari_cryoden.plots.motion_dock import show_motion
from napari_cryoden.preferences import preferences
from napari_cryoden.tool_tip import set_tip
from napari_cryoden.widgets.batch_files import BatchFiles
from napari_cryoden.widgets.dock import Dock, row, status_label
from napari_cryoden.widgets.path_field import PathField, forget_output, propose_output
from napari_cryoden.widgets.settings_form import SettingsForm, reading_form
from napari_cryoden.window import plain

MOVIES = "Movies and lists (*.mrc *.mrcs *.st *.tif *.tiff *.btf *.eer *.star)"
GAINS = "Gain references (*.mrc *.tif *.tiff *.gain)"
DEFECTS = "Images and lists of bad pixels (*.mrc *.tif *.tiff *.txt)"
SHOW = "Open the even and odd sums of the selected (or last) movie, and plot its motion"
RUNNING = "Movies are being summed; cancel or wait until that ends"


class MoviesWidget(Dock):
    """Choose movies; motion-corrected halves come of them, which a training can use.

    The work itself belongs to the window: this dock may be closed and opened again meanwhile.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.viewer = plain(napari_viewer)
        self.making = MoviesJob.of(self.viewer)
        self.opening = OpeningJob.of(self.viewer)
        words = "Folder of movies, a movie (MRC, TIFF, EER), or a RELION STAR file"
        self.movies = PathField("either", words, MOVIES, "a folder, a movie or a STAR file", recent=True)
        self.gain = PathField("open", "Gain reference", GAINS, "none: frames are corrected already")
        self.defects = PathField("open", "Bad pixels: an image, or a list", DEFECTS, "none")
        self.output = PathField("folder", "Output folder")
        self.form = SettingsForm(MovieSettings(device=preferences().device))
        self.reading = reading_form()
        self.replace = QCheckBox("Overwrite sums made with\nother settings")
        self.files = BatchFiles("Open halves", SHOW)
        self.make_button, self.cancel_button = QPushButton("Make halves"), QPushButton("Cancel")
        self.train_button = QPushButton("Train on these halves")
        self.progress = QProgressBar()
        self.status = status_label()
        self._proposed: Path | None = None
        self._lay_out()
        self._connect()
        self.movies.path, self.output.path = self.making.movies, self.making.output
        keep(self.viewer, "Movies", movies=self.movies, gain=self.gain, defects=self.defects)
        keep(self.viewer, "Movies", output=self.output, form=self.form)
        keep(self.viewer, "Movies", reading=self.reading, replace=self.replace)
        forget_output(self.movies, self.output)
        self.follow()

    def make(self) -> None:
        """Make the halves, or say in one line why not."""
        movies, output = self.movies.path, self.output.path
        if movies is None or output is None:
            return
        try:
            self.making.make(
                movies,
                output,
                settings=self.form.settings(),
                gain=self.gain.path,
                defects=self.defects.path,
                reading=self.reading.settings(),
                overwrite=self.replace.isChecked(),
            )
        except CryodenError as error:
            self.making.refuse(error)

    def command(self) -> str:
        """Return the command line that makes these halves."""
        movies = chosen(self.movies.path, "movies")
        files = {"gain": self.gain.path, "defects": self.defects.path}
        flags = [word for name, path in files.items() for word in option(name, path and path.absolute())]
        flags += [*arguments(self.form.settings()), *arguments(self.reading.settings())]
        flags += ["--overwrite"] if self.replace.isChecked() else []
        return command("halves", movies, "--output", chosen(self.output.path, "an output folder"), *flags)

    def open_halves(self, *results: Result) -> None:
        """Open the halves of movies as layers, and plot the motion of the last one."""
        try:
            self.opening.open([half for result in results for half in halves_of(result)])
            show_motion(self.viewer, shifts_of(results[-1]))
        except CryodenError as error:
            self.making.refuse(error)

    def train(self) -> None:
        """Open the dock "Train a denoiser" on the output folder."""
        show_dock(self.viewer, "Train a denoiser").source.learn_from(self.output.path)

    def follow(self) -> None:
        """Show how it stands, and what can be done."""
        job, problem = self.making, self._problem()
        self._allow(self.make_button, problem, "Make even, odd and full sums of all movies not done yet")
        idle = "" if job.running and not job.stopping else "No movie is being summed"
        self._allow(self.cancel_button, idle, "Stop after the current step; finished movies are kept")
        done = job.tally.done + job.tally.skipped
        nothing = "" if done and not job.running else "No halves are made yet"
        self._allow(self.train_button, nothing, "Open the Train dock with the halves in the output folder")
        self.status.setText(job.status or problem)
        set_tip(self.status, job.status)
        waiting = job.running and job.progress is None
        self.progress.setRange(0, 0 if waiting else 1000)
        self.progress.setValue(round(1000 * (job.progress or 0)))
        self.files.follow(job)

    def _ended(self, message: str) -> None:  # noqa: ARG002  the status line shows it
        """Open the halves that are new where they are few; more are chosen among."""
        new = [one for one in self.making.results if isinstance(one, FileFinished)]
        if 0 < self.making.tally.done == len(new) <= FEW // 2 and not self.opening.running:
            self.open_halves(*new)
        self.show_part(self.files)

    def _problem(self) -> str:
        if self.making.running:
            return RUNNING
        if self.movies.path is None:
            return "Choose a folder of movies, a movie or a STAR file"
        asked = (self.movies.path, self.gain.path, self.defects.path)
        if missing := [path for path in asked if path is not None and not path.exists()]:
            return f"No such file or folder: {missing[0]}"
        return "" if self.output.path is not None else "Choose an output folder"

    def _propose(self) -> None:
        self._proposed = propose_output(self.movies, self.output, self._proposed, "halves")

    def _allow(self, button: QPushButton, problem: str, use: str) -> None:
        button.setEnabled(not problem)
        set_tip(button, problem or use)

    def _connect(self) -> None:
        self.make_button.clicked.connect(self.make)
        self.cancel_button.clicked.connect(self.making.stop)
        self.train_button.clicked.connect(self.train)
        self.files.wanted.connect(self.open_halves)
        self.movies.chosen.connect(self._propose)
        for field in (self.movies, self.gain, self.defects, self.output):
            field.changed.connect(self.follow)
        self.making.changed.connect(self.follow)
        self.making.ended.connect(self._ended)

    def _lay_out(self) -> None:
        set_tip(self.replace, "Otherwise sums made with other settings, or of another movie, are kept")
        self.add_sections(
            ("Movies", self.movies),
            ("Gain reference", self.gain),
            ("Bad pixels", self.defects),
            ("Output folder", self.output),
            ("Settings", self.form),
            ("Reading", self.reading),
        )
        self.column.addWidget(self.replace)
        self.column.addWidget(self.files)
        self.column.addStretch(1)
        self.footer.addLayout(row(self.make_button, self.cancel_button))
        self.footer.addWidget(self.train_button)
        self.footer.addLayout(row(self.progress, self.copy_button()))
        self.footer.addWidget(self.status)
