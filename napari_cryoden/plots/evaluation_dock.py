"""What an evaluation found, below the canvas: a verdict in words, and the table."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QLabel, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from cryoden.evaluation.columns import columns
from cryoden.evaluation.conclusions import conclusions
from cryoden.evaluation.scores import Table
from napari_cryoden.jobs.evaluation import EvaluationJob
from napari_cryoden.tool_tip import set_tip
from napari_cryoden.widgets.dock import below

TITLE = "Evaluation"


class EvaluationDock(QWidget):
    """Follows the window's evaluation and shows the last result."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.evaluating = EvaluationJob.of(viewer)
        self.words = QLabel("Choose raw and denoised layers, then press Evaluate.")
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.words.setWordWrap(True)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.table = QTableWidget()
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        lines = self.table.verticalHeader()
        if lines is not None:
            lines.setVisible(False)
        bar: Any = self.table.verticalScrollBar()
        bar.rangeChanged.connect(self.table.scrollToBottom)  # models come last
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 4, 6, 4)
        column.addWidget(self.words)
        column.addWidget(self.table, stretch=1)
        self._shown: Any = None
        self.evaluating.changed.connect(self._follow)
        self._follow()

    def _follow(self) -> None:
        result = self.evaluating.result
        if result is None or result is self._shown:
            return
        self._shown = result
        self.words.setText("\n".join(_lines(result.table)))
        self._fill(result.table)

    def _fill(self, table: Table) -> None:
        chosen, assessed = columns(table), table.assessed()
        self.table.setColumnCount(len(chosen))
        self.table.setRowCount(len(table.rows))
        for place, column in enumerate(chosen):
            header = QTableWidgetItem(column.title)
            set_tip(header, f"{column.means} {column.source}".strip())
            self.table.setHorizontalHeaderItem(place, header)
            for line, row in enumerate(table.rows):
                self.table.setItem(line, place, _cell(column.text(table, row), place, bold=row in assessed))
        self.table.resizeColumnsToContents()
        self.table.resizeRowsToContents()


def _lines(table: Table) -> list[str]:
    """Return a line for each verdict, what speaks against the result, and what the model was trained on."""
    found = conclusions(table)
    lines = []
    for one in found:
        against = [finding for finding in one.result if finding.status in {"bad", "doubtful"}]
        lines.append(f"{one.better.mark} {one.name}: {one.better.words}")
        lines += [f"    {finding.mark} {finding.words}" for finding in (*against, *one.training)]
    return lines or ["Only simple filters were compared: choose denoised layers or a model, too."]


def _cell(text: str, place: int, *, bold: bool) -> QTableWidgetItem:
    item = QTableWidgetItem(text)
    side = Qt.AlignmentFlag.AlignLeft if place == 0 else Qt.AlignmentFlag.AlignRight
    item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
    font = item.font()
    font.setBold(bold)
    item.setFont(font)
    return item


def show_evaluation(viewer: Any) -> EvaluationDock:
    """Return the window's table; dock it when there is none, or when it was closed."""
    return below(viewer, TITLE, EvaluationDock)
