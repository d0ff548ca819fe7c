"""The dock "Runs"."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QAbstractItemView, QGridLayout, QMessageBox, QPushButton

from cryoden.errors import CryodenError
from cryoden.runs.compare import RunSummary, found
from cryoden.runs.record import RunRecord
from cryoden.settings.arguments import command
from napari_cryoden.choices.commands import missing
from napari_cryoden.choices.kept import keep
from napari_cryoden.docks import run_actions as actions
from napari_cryoden.docks.batch_afterwards import resume_run
from napari_cryoden.jobs.training import TrainingJob
from napari_cryoden.navigation import show_dock
from napari_cryoden.notify import show_problem
from napari_cryoden.paths import RUNS, documents
from napari_cryoden.plots.loss_dock import show_plot
from napari_cryoden.plots.runs_dock import show_runs
from napari_cryoden.plots.runs_table import LISTED, RunsTable
from napari_cryoden.threads.worker import Worker
from napari_cryoden.tool_tip import as_text, set_tip
from napari_cryoden.widgets.dock import Dock, heading, status_label, weakly
from napari_cryoden.widgets.path_field import PathField
from napari_cryoden.window import plain


class RunsWidget(Dock):
    """Lists the runs below a folder; shows, compares, reuses and deletes them."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.viewer = plain(napari_viewer)
        self.run = TrainingJob.of(self.viewer)
        self.root = PathField("folder", "Folder with runs")
        self.table = RunsTable(LISTED)
        self.about = self.status = status_label()
        self.model_button = QPushButton("Use model")
        self.settings_button = QPushButton("Use settings")
        self.resume_button = QPushButton("Resume")
        self.show_button = QPushButton("Show")
        self.report_button = QPushButton("Report")
        self.delete_button = QPushButton("Delete…")
        self.look_button = QPushButton("Refresh")
        self._worker: Worker | None = None
        self._again = False
        self._seen = (self.run.running, self.run.progress is None)
        self._trouble = ""
        self._lay_out()
        self._connect()
        self._propose()
        keep(self.viewer, "Runs", root=self.root)
        self.look()

    def look(self) -> None:
        """Find runs again, in a thread: the folder may be large, or far away.

        While runs are being searched for, this is done as soon as that has ended: it may be about
        another folder, or a run that was not there yet.
        """
        root, self._again = self.root.path, self._worker is not None
        self._trouble = ""
        if self._again or root is None:
            return
        self._worker = Worker(lambda: _found(root), self, daemon=True)
        self._worker.delivered.connect(self._take)
        self._worker.failed.connect(self._fail)
        self._worker.finished.connect(self._looked)
        self._worker.start()
        self.follow()

    def chosen(self) -> list[RunSummary]:
        """Return the runs that are selected, from top to bottom."""
        return self.table.chosen()

    def follow(self) -> None:
        """Show what is selected and what can be done with it."""
        runs = self.chosen()
        one = runs[0] if len(runs) == 1 else None
        changes = self._changes(one)
        listed, searching = self.table.rowCount(), self._worker is not None
        words = actions.about(one) if one else actions.words(len(runs), self._trouble, searching, listed)
        self.about.setText(actions.with_changes(words, changes))
        self.resume_button.setText("Resume all the same…" if changes else "Resume")
        set_tip(self.about, str(one.place) if one else "")
        for button, problem, use in (
            (self.model_button, actions.no_model(one), "Use its model for denoising"),
            (self.settings_button, actions.no_settings(one), "Use its settings for the next training"),
            (self.report_button, actions.no_report(one), "Open its report in the browser"),
            (
                self.resume_button,
                actions.not_resumed(one, is_busy=self.run.running),
                actions.RESUMED_CHANGED if changes else actions.RESUMED,
            ),
            (
                self.show_button,
                "" if runs else "Select runs first",
                "Show loss curves and numbers below the canvas",
            ),
            (self.delete_button, actions.not_deleted(runs), "Delete these runs, after confirmation"),
            (self.look_button, "Searching" if self._worker else "", "Search this folder for runs again"),
        ):
            button.setEnabled(not problem)
            set_tip(button, problem or use)

    def use_model(self) -> None:
        """Put the selected run's model into the Denoise dock."""
        show_dock(self.viewer, "Denoise").model.path = self._record().folder.model

    def resume(self) -> None:
        """Continue the selected run and show its curves; one that has changed, once the user has said yes."""
        one = self.chosen()[0]
        changes = self._changes(one)
        if changes and not self._says_yes("Resume a changed run", actions.all_the_same(one, changes)):
            return
        try:
            resume_run(self.viewer, self._record().folder.path, force=bool(changes))
        except CryodenError as error:
            self.run.refuse(error)
            return
        show_plot(self.viewer)

    def use_settings(self) -> None:
        """Put the selected run's settings into the Train dock."""
        self._or_say(
            lambda: show_dock(self.viewer, "Train a denoiser").form.set(self._record().started.settings)
        )

    def show_chosen(self) -> None:
        """Show the selected runs' curves and figures below the canvas."""
        self._or_say(lambda: show_runs(self.viewer).show_runs(self.chosen()))

    def command(self) -> str:
        """Return the command line that compares the selected runs, or all of them."""
        runs = self.chosen() or self.table.runs
        if not runs:
            raise missing("there are no runs")
        return command("compare", *(run.place.absolute() for run in runs))

    def report(self) -> None:
        """Open the selected run's report."""
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._record().folder.report)))

    def delete(self) -> None:
        """Remove the selected runs, once the user has said yes."""
        runs = self.chosen()
        names = ", ".join(run.name for run in runs[:5]) + (" …" if len(runs) > 5 else "")
        question = f"Delete {names}, with model, losses and report? This cannot be undone."
        if self._says_yes("Delete runs", question):
            for run in runs:
                self._remove(run)
            self.look()

    def _says_yes(self, title: str, question: str) -> bool:
        return QMessageBox.question(self, title, as_text(question)) == QMessageBox.StandardButton.Yes

    def _changes(self, run: RunSummary | None) -> Sequence[str]:
        """Return why it was not resumed a moment ago."""
        refused = self.run.changed_run
        return refused.differences if run and refused and refused.folder == run.place else ()

    def _record(self) -> RunRecord:
        record = self.chosen()[0].record
        assert record is not None  # noqa: S101  the buttons are off for runs of others
        return record

    def _remove(self, run: RunSummary) -> None:
        if run.record is not None:
            from cryoden.checkpoints import resume  # noqa: PLC0415  it loads torch, which docking must not

            path = run.record.folder.path
            self._or_say(lambda: resume.delete(path))

    def _or_say(self, work: Callable[[], Any]) -> None:
        try:
            work()
        except CryodenError as error:
            show_problem(error)

    def _take(self, delivered: list[list[RunSummary]]) -> None:
        self.table.show_runs(delivered[-1])

    def _fail(self, message: str) -> None:
        self._trouble = message
        show_problem(message)

    def _looked(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.deleteLater()
        if self._again:
            self.look()
        self.follow()

    def _propose(self) -> None:
        """Look where this window's runs go."""
        self.root.path = self.run.folder.path.parent if self.run.folder else documents() / RUNS

    def _follow_run(self) -> None:
        """Show what can be done, once a run begins, and how it stands, once its folder says so."""
        before, self._seen = self._seen, (self.run.running, self.run.progress is None)
        if before != self._seen:
            self.look() if self._seen == (True, False) else self.follow()

    def _ended(self, message: str) -> None:  # noqa: ARG002  the Train dock shows it
        if self.run.folder is not None and self.root.path != self.run.folder.path.parent:
            self.root.path = self.run.folder.path.parent  # which looks
        else:
            self.look()

    def _connect(self) -> None:
        self.root.chosen.connect(self.look)
        self.table.itemSelectionChanged.connect(self.follow)
        self.run.changed.connect(self._follow_run)
        self.run.ended.connect(self._ended)
        for button, work in (
            (self.model_button, self.use_model),
            (self.settings_button, self.use_settings),
            (self.resume_button, self.resume),
            (self.show_button, self.show_chosen),
            (self.report_button, self.report),
            (self.delete_button, self.delete),
            (self.look_button, self.look),
        ):
            button.clicked.connect(weakly(work))

    def _lay_out(self) -> None:
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.column.addWidget(heading("Folder with runs"))
        self.column.addWidget(self.root)
        self.column.addWidget(self.table, stretch=1)
        buttons = QGridLayout()
        above = self.resume_button, self.model_button, self.settings_button, self.show_button
        for place, button in enumerate((*above, self.report_button, self.delete_button)):
            buttons.addWidget(button, place // 3, place % 3)
        buttons.addWidget(self.look_button, 2, 0)
        buttons.addWidget(self.copy_button(), 2, 1, 1, 2)
        self.footer.addWidget(self.about)
        self.footer.addLayout(buttons)


def _found(root: Path) -> Generator[list[RunSummary], None, None]:
    yield found(root)
