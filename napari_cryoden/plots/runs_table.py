"""Runs as rows of a table, with the figures `cryoden.runs.table` has of each."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from cryoden.errors import CryodenError
from cryoden.events.history import clock
from cryoden.events.snr_gain import TITLE
from cryoden.runs.compare import RunSummary
from cryoden.runs.table import FIGURES, Figure
from napari_cryoden.tool_tip import set_tip
from napari_cryoden.widgets.verdict_label import MARKS

SHORT = {"good": "good to use", "wait": "not yet good", "bad": "do not use"}


def verdict_words(run: RunSummary) -> str:
    """Return what validation said of the saved model; empty where there is none."""
    best = run.record.about["best"] if run.record else None
    return str(((best or {}).get("verdict") or {}).get("words", ""))


def _verdict(run: RunSummary) -> str:
    best = run.record.about["best"] if run.record else None
    level = ((best or {}).get("verdict") or {}).get("level")
    return f"{MARKS[level]} {SHORT[level]}" if level in SHORT else "–"


def _data(run: RunSummary) -> str:
    names = run.record.started.training if run.record else ()
    return f"{names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}" if names else "–"


def _began(run: RunSummary) -> str:
    return run.record.began[:16].replace("T", " ") if run.record else "–"


LISTED = (
    FIGURES[0],
    Figure("verdict", "What validation said of the saved model.", _verdict),
    Figure("began", "When it began, in UTC.", _began),
    Figure("data", "Micrographs it was trained on.", _data),
    Figure("time", "Training time.", lambda run: "–" if run.seconds is None else clock(run.seconds)),
    *(figure for figure in FIGURES if figure.title in {"best validation", TITLE}),
    FIGURES[1],
)


class RunsTable(QTableWidget):
    """Shows runs; what the user has selected stays selected while it is there.

    Parameters
    ----------
    figures : sequence of Figure
        Which columns, in this order.
    """

    def __init__(self, figures: Sequence[Figure] = FIGURES) -> None:
        self._figures = figures
        super().__init__(0, len(self._figures))
        self.runs: list[RunSummary] = []
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setTabKeyNavigation(False)  # Tab leaves the table; arrows move in it
        self.setWordWrap(False)
        lines, head = self.verticalHeader(), self.horizontalHeader()
        assert lines is not None and head is not None  # noqa: S101, PT018  a table has both
        lines.setVisible(False)
        head.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        head.setStretchLastSection(True)
        for place, figure in enumerate(self._figures):
            item = QTableWidgetItem(figure.title)
            set_tip(item, figure.means)
            self.setHorizontalHeaderItem(place, item)

    def show_runs(self, runs: Sequence[RunSummary]) -> None:
        """Show these runs in place of others."""
        before = {run.place for run in self.chosen()}
        self.blockSignals(True)
        self.clearContents()
        self.runs = list(runs)
        self.setRowCount(len(self.runs))
        for line, run in enumerate(self.runs):
            self._fill(line, run)
        self.clearSelection()
        for line, run in enumerate(self.runs):
            if run.place in before:
                self._select(line)
        self.blockSignals(False)
        self.itemSelectionChanged.emit()

    def chosen(self) -> list[RunSummary]:
        """Return the selected runs, from top to bottom."""
        model = self.selectionModel()
        rows = sorted(index.row() for index in model.selectedRows()) if model is not None else []
        return [self.runs[row] for row in rows if row < len(self.runs)]

    def _select(self, line: int) -> None:
        for place in range(self.columnCount()):
            item = self.item(line, place)
            if item is not None:
                item.setSelected(True)

    def _fill(self, line: int, run: RunSummary) -> None:
        for place, figure in enumerate(self._figures):
            try:
                words = figure.text(run)
            except CryodenError as error:  # a record somebody has changed
                words = str(error)[:3]
            except (TypeError, ValueError):  # words where a number should be
                words = "?"
            item = QTableWidgetItem(words)
            set_tip(item, str(run.place) if place == 0 else words)
            words_stand = figure.title in {"run", "verdict", "data"}
            side = Qt.AlignmentFlag.AlignLeft if words_stand else Qt.AlignmentFlag.AlignRight
            item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
            self.setItem(line, place, item)
