"""What became of the files of a batch: which failed and why, and which were done last."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_cryoden.jobs.batch import FilesJob
from napari_cryoden.tool_tip import set_tip
from napari_cryoden.widgets.dock import heading
from napari_cryoden.widgets.file_list import FileList

USE = "Show the selected (or last) result next to its micrograph"


class BatchFiles(QWidget):
    """Two lists, each with what one can do with it.

    Parameters
    ----------
    words, use : str
        On the button that shows a result, and what that does.

    Signals
    -------
    wanted : FileFinished or FileSkipped
        The user wants to see this result.
    """

    wanted = Signal(object)

    def __init__(self, words: str = "Open result", use: str = USE) -> None:
        super().__init__()
        self._use = use
        self.failures, self.results = FileList(lines=6), FileList(lines=4)
        self.failed, self.done = heading("Failed"), heading("Done")
        self.copy_button, self.open_button = QPushButton("Copy"), QPushButton(words)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for title, button, files in (
            (self.done, self.open_button, self.results),
            (self.failed, self.copy_button, self.failures),
        ):
            column.addLayout(_row(title, button))
            column.addWidget(files)
        self.copy_button.clicked.connect(self.failures.copy)
        self.open_button.clicked.connect(self._want)
        self.results.itemDoubleClicked.connect(self._want)

    def follow(self, job: FilesJob) -> None:
        """Show how the window's batch stands."""
        done = job.tally.done + job.tally.skipped
        self.failures.follow(job.failures, len(job.failures))
        self.results.follow(job.results, done)
        self.failed.setText(f"<b>Failed</b> ({len(job.failures):,})")
        self.done.setText(f"<b>Done</b> ({done:,})")
        for widget in (self.failed, self.copy_button, self.failures):
            widget.setVisible(bool(job.failures))
        self.copy_button.setEnabled(bool(job.failures))
        set_tip(
            self.copy_button,
            "Copy the full messages of the selected lines, or of all"
            if job.failures
            else "No file has failed",
        )
        self.open_button.setEnabled(done > 0)
        set_tip(
            self.open_button,
            f"{self._use}; double-clicking does the same" if done else "No file is done yet",
        )

    def _want(self) -> None:
        if self.results.chosen is not None:
            self.wanted.emit(self.results.chosen)


def _row(title: QLabel, button: QPushButton) -> QHBoxLayout:
    row = QHBoxLayout()
    row.addWidget(title, stretch=1)
    row.addWidget(button)
    return row
