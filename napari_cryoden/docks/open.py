"""The dock "Open micrographs"."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from napari.utils.theme import get_theme
from qtpy.QtCore import QObject
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QFileDialog, QMessageBox, QProgressBar, QPushButton

from cryoden.dataset.listed_files import SUFFIXES
from cryoden.errors import CryodenError
from cryoden.formats.names import SUFFIXES as FILES
from napari_cryoden.choices.commands import info
from napari_cryoden.choices.kept import Kept, keep
from napari_cryoden.jobs.opening import OpeningJob
from napari_cryoden.navigation import show_dock
from napari_cryoden.remembered import there
from napari_cryoden.tool_tip import set_tip
from napari_cryoden.widgets.dock import Dock, heading, row, status_label, weakly
from napari_cryoden.widgets.micrograph_list import MicrographList
from napari_cryoden.widgets.path_field import PathField, dropped
from napari_cryoden.widgets.settings_form import reading_form
from napari_cryoden.window import plain

PATHS = "Open: paths"
MANY = 20  # micrographs
MUCH = 4e9  # bytes
FILTERS = f"Micrographs and lists ({' '.join(f'*{suffix}' for suffix in (*FILES, *SUFFIXES))})"
EMPTY = "Choose a folder, micrographs or a STAR file, or drop them here"
NOTHING = "No micrographs (MRC or TIFF files) found"
SELECT = "Select micrographs to open; hold Shift or Ctrl to select several"
USE = "Add a layer per selected micrograph, the halves of a pair side by side; needs {} of memory"


class OpenWidget(Dock):
    """Lists the micrographs of a folder with what is known of them, and opens the chosen ones."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.viewer = plain(napari_viewer)
        self.opening = OpeningJob.of(self.viewer)
        self.folder = PathField(
            "folder", "Folder with micrographs", placeholder="folder or STAR file", recent=True
        )
        self.files_button, self.sample_button = QPushButton("Files…"), QPushButton("Sample data")
        self.movies_button = QPushButton("Movies…")
        self.list = MicrographList()
        self.found = status_label()
        self.all_button, self.ready_button = QPushButton("All"), QPushButton("Select usable pairs")
        self.rest_button = QPushButton("Stop checking")
        self.open_button, self.cancel_button = QPushButton("Open"), QPushButton("Cancel")
        self.train_button = QPushButton("Train on this folder")
        self.progress = QProgressBar()
        self.status = status_label()
        self.reading = reading_form()
        self._paths: list[Path] = []
        self._more: list[Path] = []
        self._dropping: QObject | None = None
        self.setAcceptDrops(True)
        self._lay_out()
        self._connect()
        keep(self.viewer, "Open", reading=self.reading)
        self._kept = Kept.of(self.viewer)
        if listed := there(self._kept.values.get(PATHS)):
            self.show_paths(listed)
        self.follow()

    def show_paths(self, paths: Sequence[Path]) -> None:
        """List what is in these files, folders and STAR files."""
        if len(paths) == 1:
            self.folder.path = paths[0]  # which says it is chosen
        else:
            self.folder.path = None
            self._look(paths)

    def collect(self, path: Path) -> None:
        """List this and whatever else the same drop names: napari hands over one path after another.

        In between it lets events happen, timers among them, and takes as long as it takes. But an
        object to be deleted later is deleted when the handler that said so has returned, not before.
        """
        self._more.append(path)
        if len(self._more) == 1:
            self._dropping = QObject()
            self._dropping.destroyed.connect(weakly(self._show_collected))
            self._dropping.deleteLater()

    def open_chosen(self) -> None:
        """Open the selected micrographs; asks first when they are many or big."""
        files = self.list.chosen()
        if files and self._agreed(len(files)):
            sizes, sections = self.list.pixel_sizes(), self.list.sections()
            self._begin(lambda: self.opening.open(files, sizes, self.reading.settings(), sections))

    def open_sample(self) -> None:
        """Open the simulated halves."""
        self._begin(self.opening.open_sample)

    def command(self) -> str:
        """Return the command line that lists the same."""
        return info(self._paths, self.reading.settings())

    def train(self) -> None:
        """Open the dock "Train a denoiser" on this folder."""
        show_dock(self.viewer, "Train a denoiser").source.learn_from(self._paths[0])

    def from_movies(self) -> None:
        """Open the dock that makes halves from movies."""
        show_dock(self.viewer, "From movies")

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:  # noqa: N802  Qt's name
        """Take files and folders of this machine."""
        if event is not None and dropped(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:  # noqa: N802  Qt's name
        """List what was dropped."""
        paths = dropped(event.mimeData()) if event is not None else []
        if event is not None and paths:
            event.acceptProposedAction()
            self.show_paths(paths)

    def follow(self) -> None:
        """Show what was found, and what can be done."""
        count, busy = len(self.list.chosen()), self.opening.running
        memory = in_memory(self.list.bytes_of_chosen())
        self.open_button.setText(f"Open {count:,} ({memory})" if count else "Open")
        under_way = "Other micrographs are being opened" if busy else ""
        self._allow(self.open_button, under_way or self._nothing_chosen(), USE.format(memory))
        self._allow(
            self.sample_button, under_way, ("Open two simulated micrographs, each as an even and an odd half")
        )
        self._allow(self.cancel_button, "" if busy else "Nothing is being opened", "Stop opening")
        self._allow(self.all_button, self._nothing_listed(), "Select everything in the list")
        no_pair = "" if self.list.ready else "No usable pair, or none checked yet"
        self._allow(self.ready_button, no_pair, "Select the half-set pairs that can be used for training")
        idle = "" if self.list.checking else "No check is running"
        self._allow(self.rest_button, idle, "Stop checking; the list stays")
        self._allow(
            self.train_button,
            self._no_training(),
            "Open the Train dock with the half-set pairs in this folder",
        )
        self.list.pause(busy)
        found = self._nothing_listed() or self.list.summary()
        self.found.setText("\n".join(filter(None, [found, self.list.left_out])))
        self.status.setText(self.opening.status)
        self.progress.setRange(0, 0 if busy and self.opening.progress is None else 1000)
        self.progress.setValue(round(1000 * (self.opening.progress or 0)))

    def _nothing_listed(self) -> str:
        if self.list.trouble or self.list.count():
            return self.list.trouble
        if self.list.checking:
            return "Searching for micrographs …"
        return NOTHING if self._paths else EMPTY

    def _nothing_chosen(self) -> str:
        return self._nothing_listed() or ("" if self.list.selectedIndexes() else SELECT)

    def _no_training(self) -> str:
        if len(self._paths) != 1 or not self._paths[0].is_dir():
            return "Choose one folder first"
        return "" if self.list.pairs else "No half-set pairs in this folder"

    def _agreed(self, count: int) -> bool:
        size = self.list.bytes_of_chosen()
        if count <= MANY and size <= MUCH:
            return True
        question = f"Open {count:,} micrographs? As layers they take {in_memory(size)} of memory."
        answer = QMessageBox.question(self, "Open many micrographs", question)
        return bool(answer == QMessageBox.StandardButton.Yes)

    def _take_theme(self, event: Any = None) -> None:  # noqa: ARG002  napari passes its event
        self.list.set_theme(get_theme(self.viewer.theme).type == "dark")

    def _begin(self, work: Callable[[], None]) -> None:
        try:
            work()
        except CryodenError as error:
            self.opening.refuse(error)

    def _show_collected(self) -> None:
        paths, self._more = self._more, []
        if paths:
            self.show_paths(paths)

    def _chosen(self) -> None:
        if self.folder.path is not None:
            self._look([self.folder.path])

    def _look(self, paths: Sequence[Path]) -> None:
        self._paths = list(paths)
        self._kept.note(PATHS, self._paths)
        if not self.opening.running:
            self.opening.status = ""  # which is about another folder
        self.list.look(self._paths)

    def _ask(self) -> None:
        at = str(self._paths[0]) if self._paths else ""
        files, _ = QFileDialog.getOpenFileNames(self, "Micrographs or a STAR file", at, FILTERS)
        if files:
            self.show_paths([Path(file) for file in files])

    def _allow(self, button: QPushButton, problem: str, use: str) -> None:
        button.setEnabled(not problem)
        set_tip(button, problem or use)

    def _connect(self) -> None:
        self.folder.chosen.connect(self._chosen)
        self.files_button.clicked.connect(self._ask)
        self.sample_button.clicked.connect(self.open_sample)
        self.movies_button.clicked.connect(weakly(self.from_movies))
        self.all_button.clicked.connect(self.list.selectAll)
        self.ready_button.clicked.connect(self.list.select_ready)
        self.rest_button.clicked.connect(self.list.rest)
        self.open_button.clicked.connect(self.open_chosen)
        self.list.itemActivated.connect(weakly(self.open_chosen))
        self.cancel_button.clicked.connect(self.opening.stop)
        self.train_button.clicked.connect(self.train)
        self.list.changed.connect(self.follow)
        self.opening.changed.connect(self.follow)
        self.viewer.events.theme.connect(self._take_theme)
        self._take_theme()

    def _lay_out(self) -> None:
        self.folder.line.setAcceptDrops(False)  # it would write the file's address into the line
        set_tip(self.files_button, "Choose micrographs, or a STAR file that lists them")
        set_tip(self.movies_button, "Make half-sets from movies: motion-corrected even and odd sums")
        self.column.addWidget(heading("Folder or STAR file"))
        self.column.addWidget(self.folder)
        self.column.addLayout(row(self.files_button, self.sample_button, self.movies_button))
        self.column.addWidget(heading("Micrographs"))
        self.column.addWidget(self.list, stretch=1)
        self.column.addWidget(self.found)
        self.column.addLayout(row(self.all_button, self.ready_button, self.rest_button))
        self.column.addWidget(self.reading)
        self.footer.addLayout(row(self.open_button, self.cancel_button))
        self.footer.addWidget(self.train_button)
        self.footer.addLayout(row(self.progress, self.copy_button()))
        self.footer.addWidget(self.status)


def in_memory(size: int) -> str:
    """Return a number of bytes in words."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
