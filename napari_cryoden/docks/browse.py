"""The dock "Browse"."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari.utils.theme import get_theme
from qtpy.QtCore import QSize
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
)

from cryoden.browsing.decisions import NAME, UNDECIDED, Verdict
from cryoden.browsing.kept_pictures import AHEAD, Choices
from cryoden.errors import CryodenError
from cryoden.settings.denoising import DenoisingSettings
from napari_cryoden.browsing.columns import EACH, chooser
from napari_cryoden.browsing.decision_bar import DecisionBar
from napari_cryoden.browsing.keys import bind
from napari_cryoden.browsing.picture_sources import PictureSources
from napari_cryoden.browsing.session import BrowsingSession
from napari_cryoden.browsing.table_view import ExposureView
from napari_cryoden.choices.kept import keep
from napari_cryoden.notify import show_problem
from napari_cryoden.preferences import preferences
from napari_cryoden.tool_tip import set_tip
from napari_cryoden.widgets.dock import WIDTH, Dock, heading, status_label
from napari_cryoden.widgets.path_field import PathField
from napari_cryoden.window import main_window, plain

JOURNALS = "Decisions (*.jsonl)"
LISTS = "Lists (*.star *.cs *.csg)"
WIDEST = 16777215  # Qt's own: any width
EMPTY = "Choose a folder, a STAR file or a .cs file"


class BrowseWidget(Dock):
    """Looks through the exposures of a folder or a list, one in place of the other."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.viewer = plain(napari_viewer)
        self.session = BrowsingSession(self, self.viewer)
        self.source = PathField(
            "either", "Folder, STAR or .cs file", LISTS, "folder, STAR or .cs file", recent=True
        )
        self.sources = PictureSources(self.viewer)
        self.search, self.which = QLineEdit(), QComboBox()
        self.view = ExposureView(self.session.table)
        self.bar = DecisionBar()
        self.status = status_label()
        self._back, self._name = False, ""
        self._lay_out()
        self._connect()
        keep(
            self.viewer,
            "Browse",
            source=self.source,
            results=self.sources.results,
            picks=self.sources.picks,
            model=self.sources.model,
            live=self.sources.live,
            advance=self.bar.advance,
            reading=self.sources.reading,
        )
        self._choose()
        self._open()
        if self.sources.picks.path is not None:
            self._open_picks()
        self.follow()

    def sizeHint(self) -> QSize:  # noqa: N802  Qt's name
        """Return a width that shows numbers beside names, where the window has room for it."""
        return QSize(max(WIDTH, min(main_window(self.viewer).width() // 4, 3 * WIDTH)), 600)

    def ask(self, what: str) -> None:
        """Do what a key or a button says: accept, reject, note or undo."""
        if what in {"accept", "reject"}:
            self._decide("accepted" if what == "accept" else "rejected")
        elif what == "note":
            self.bar.write_note()
        elif what == "undo":
            place = self.session.undo()
            if place is not None:
                self.view.look_at(place)
                self.follow()

    def step(self, rows: int) -> None:
        """Show the exposure so many rows below."""
        self.view.step(rows)

    def export(self, folder: Path, undecided: Verdict = "") -> None:
        """Write lists of accepted and rejected exposures into a folder."""
        written = self.session.export(folder, undecided)
        if written is not None:
            names = ", ".join(file.name for file in written.files)
            self.status.setText(f"{written.accepted:,} accepted and {written.rejected:,} rejected: {names}")

    def follow(self) -> None:
        """Show how things stand, and what can be done."""
        session = self.session
        exposure = session.exposure
        decision = session.table.decision(exposure.name) if exposure is not None else UNDECIDED
        self.bar.show_decision(decision, self._problem(), self._where())
        self.bar.export_button.setEnabled(session.found is not None)
        self.status.setText(session.words() or EMPTY)

    def _problem(self) -> str:
        if self.session.exposure is None:
            return "Choose an exposure in the table first"
        return "" if self.session.deciding.decisions is not None else "Decisions cannot be saved"

    def _where(self) -> str:
        decisions = self.session.deciding.decisions
        return "Choose where decisions are saved" if decisions is None else f"Saved in {decisions.path}"

    def _decide(self, verdict: Verdict) -> None:
        exposure = self.session.exposure
        if exposure is None:
            return
        same = self.session.table.decision(exposure.name).verdict == verdict
        if self.session.decide("" if same else verdict) and self.bar.advance.isChecked() and not same:
            self.step(1)
        self.follow()

    def _noted(self, note: str) -> None:
        self.session.decide(note=note)

    def _to_table(self) -> None:
        self.view.setFocus()

    def _open(self) -> None:
        if self.source.path is not None:
            self.session.open(self.source.path, self.sources.results.path)

    def _open_picks(self) -> None:
        self.session.open_picks(self.sources.picks.path)

    def _listed(self) -> None:
        self._filter()
        self._choose()
        self.view.show_columns()
        table = self.session.table
        if table.order:
            names = [table.exposures[place].name for place in table.order]
            self.view.look_at_row(names.index(self._name) if self._name in names else 0)
            self.view.setFocus()
        self.session.see(self.view.in_view())

    def _look_at(self, place: int) -> None:
        self._back = self.session.place is not None and place < self.session.place
        behind = self.view.behind(AHEAD, self._back)
        self.session.look_at(place, behind)
        self._name = self.session.table.exposures[place].name
        self.follow()

    def _choose(self) -> None:
        model = self.sources.chosen_model
        settings = DenoisingSettings(device=preferences().device)
        try:
            choices = Choices(model, settings, self.sources.reading.settings())
        except CryodenError as error:  # until a value that can be is given, files are read as before
            show_problem(error)
            return
        self.session.choose(choices)

    def _filter(self) -> None:
        place = self.session.place
        self.session.table.filter(chooser(self.search.text(), self.which.currentText()))
        if place is not None:
            self.view.look_at(place)
        self.session.see(self.view.in_view())
        self.follow()

    def _settled(self) -> None:
        self.session.see(self.view.in_view())

    def _ask_export(self, undecided: Verdict) -> None:
        source = self.source.path
        at = str(source.parent if source is not None and source.is_file() else source or "")
        folder = QFileDialog.getExistingDirectory(self, "Folder for the lists", at)
        if folder:
            self.export(Path(folder), undecided)

    def _ask_elsewhere(self) -> None:
        keep = QFileDialog.Option.DontConfirmOverwrite  # decisions are added to what is there
        decisions = self.session.deciding.decisions
        at = str(decisions.path if decisions is not None else NAME)
        path, _ = QFileDialog.getSaveFileName(self, "File for decisions", at, JOURNALS, options=keep)
        if path:
            self.session.deciding.keep_in(Path(path))

    def _take_theme(self, event: Any = None) -> None:  # noqa: ARG002  napari passes its event
        self.session.table.set_theme(get_theme(self.viewer.theme).type == "dark")
        self.session.table.redraw()

    def _connect(self) -> None:
        self.source.chosen.connect(self._open)
        self.sources.results.chosen.connect(self._open)
        self.sources.picks.chosen.connect(self._open_picks)
        self.sources.model_changed.connect(self._choose)
        self.search.textChanged.connect(self._filter)
        self.which.currentIndexChanged.connect(self._filter)
        self.view.looked_at.connect(self._look_at)
        self.view.asked.connect(self.ask)
        self.view.settled.connect(self._settled)
        self.bar.asked.connect(self.ask)
        self.bar.noted.connect(self._noted)
        self.bar.done.connect(self._to_table)
        self.bar.exported.connect(self._ask_export)
        self.bar.elsewhere.connect(self._ask_elsewhere)
        self.session.listed.connect(self._listed)
        self.session.changed.connect(self.follow)
        self.viewer.events.theme.connect(self._take_theme)
        self._take_theme()
        bind(self.viewer, self)

    def _lay_out(self) -> None:
        self.setMinimumWidth(WIDTH)
        self.setMaximumWidth(WIDEST)
        self.which.addItems(EACH)
        self.search.setPlaceholderText("name, or fit<4.5 defocus>0.8")
        self.search.setClearButtonEnabled(True)
        set_tip(self.search, "Words in name or note; conditions on defocus, fit, ice and pixel")
        set_tip(self.which, "Which exposures are listed")
        self.column.addWidget(heading("Folder or list"))
        self.column.addWidget(self.source)
        self.column.addWidget(self.sources)
        self.column.addLayout(_row((self.search, 2), (self.which, 1)))
        self.column.addWidget(self.view, stretch=1)
        self.footer.addWidget(self.bar)
        self.footer.addWidget(self.status)


def _row(*parts: tuple[Any, int]) -> QHBoxLayout:
    row = QHBoxLayout()
    for part, stretch in parts:
        row.addWidget(part, stretch=stretch)
    return row
