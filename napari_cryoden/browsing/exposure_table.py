"""The table of exposures as Qt asks for it: only what is in view is ever put into words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt
from qtpy.QtGui import QColor, QIcon, QImage, QPainter, QPixmap

from cryoden.browsing.decisions import UNDECIDED, Decision
from cryoden.browsing.exposure_list import Exposure
from cryoden.browsing.file_facts import FileFacts
from cryoden.browsing.recent import Recent
from cryoden.dataset.half_checks import HalfCheck
from napari_cryoden.browsing.columns import COLUMNS, Row
from napari_cryoden.tool_tip import TIP, as_text
from napari_cryoden.widgets.verdict_label import MARKS, colors

MOST = 32 * 2**20  # bytes of thumbnails, of some 3,500
SIDE, LARGE = 48, 96  # px of the screen, in a table of usual height and a tall one
SMOOTH = Qt.TransformationMode.SmoothTransformation
Role = Qt.ItemDataRole
NOTHING = QModelIndex()


class ExposureTable(QAbstractTableModel):
    """Exposures in the order they are shown in; sorts and filters itself.

    Qt's own proxy would compare two cells in Python for each step of a sort; this takes the keys of a
    column once.

    Attributes
    ----------
    order : list of int
        Which exposure is in which row.
    thumbnails : Recent
        Small pictures by the names of exposures.
    """

    def __init__(self, decision: Callable[[str], Decision] = lambda _: UNDECIDED) -> None:
        super().__init__()
        self.exposures: Sequence[Exposure] = ()
        self.order: list[int] = []
        self.thumbnails = Recent[str, NDArray[np.uint8]](MOST, lambda pixels: pixels.nbytes)
        self._facts: dict[int, FileFacts] = {}
        self._halves: dict[int, HalfCheck] = {}
        self.decision = decision
        self._is_shown: Callable[[Row], bool] | None = None
        self._sorted: tuple[int, bool] | None = None
        self._by_role = {
            Role.DisplayRole: lambda row, column: COLUMNS[column].text(row),
            TIP: self._tip,
            Role.DecorationRole: self._picture,
            Role.TextAlignmentRole: _alignment,
            Role.ForegroundRole: self._color,
        }
        self._nothing = _icon(np.full((LARGE, LARGE), 128, np.uint8), 0.25)
        self.set_theme(dark=True)

    def show_exposures(self, exposures: Sequence[Exposure], decision: Callable[[str], Decision]) -> None:
        """Show these in place of others."""
        self.beginResetModel()
        self.exposures, self.decision = exposures, decision
        self._facts, self._halves = {}, {}
        self.thumbnails.clear()
        self._arrange()
        self.endResetModel()

    def filter(self, is_shown: Callable[[Row], bool] | None) -> None:
        """Show those rows only; ``None`` for all of them."""
        self.beginResetModel()
        self._is_shown = is_shown
        self._arrange()
        self.endResetModel()

    def row(self, place: int) -> Row:
        """Return what is known of an exposure."""
        exposure = self.exposures[place]
        facts, halves = self._facts.get(place), self._halves.get(place)
        return Row(exposure, facts, halves, self.decision(exposure.name))

    def set_facts(self, place: int, facts: FileFacts) -> None:
        """Take what a header says."""
        self._facts[place] = facts

    def set_halves(self, place: int, check: HalfCheck) -> None:
        """Take what the check of two halves has found."""
        self._halves[place] = check

    def set_thumbnail(self, name: str, pixels: NDArray[np.uint8]) -> None:
        """Take a small picture."""
        self.thumbnails.put(name, np.ascontiguousarray(pixels))

    def lacks_facts(self, place: int) -> bool:
        """Whether the header of an exposure has not been read."""
        return place not in self._facts

    def lacks_check(self, place: int) -> bool:
        """Whether an exposure has halves that have not been checked."""
        return self.exposures[place].halves is not None and place not in self._halves

    def redraw(self) -> None:
        """Have what is in view asked for again."""
        if self.order:
            last = self.index(len(self.order) - 1, len(COLUMNS) - 1)
            self.dataChanged.emit(self.index(0, 0), last)

    def rowCount(self, parent: QModelIndex = NOTHING) -> int:  # noqa: N802  Qt's name
        """Return how many exposures are shown."""
        return 0 if parent.isValid() else len(self.order)

    def columnCount(self, parent: QModelIndex = NOTHING) -> int:  # noqa: N802  Qt's name
        """Return the number of columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> Any:  # noqa: N802
        """Return the title of a column, and what it means."""
        if orientation != Qt.Orientation.Horizontal or section >= len(COLUMNS):
            return None
        column = COLUMNS[section]
        return {Role.DisplayRole: column.title, TIP: as_text(column.means)}.get(Role(role))

    def data(self, index: QModelIndex, role: int = Role.DisplayRole) -> Any:
        """Return what a cell shows."""
        answer = self._by_role.get(role)  # type: ignore[call-overload]  # an int, or its enumeration
        if answer is None or not index.isValid() or index.row() >= len(self.order):
            return None
        return answer(self.row(self.order[index.row()]), index.column())

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column, for good; rows of which nothing is known there come last."""
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        places = [self.order[index.row()] for index in before]
        self._sorted = (column, order == Qt.SortOrder.DescendingOrder) if column >= 0 else None
        self._arrange()
        rows = {place: row for row, place in enumerate(self.order)}
        after = [self.index(rows[place], index.column()) for place, index in zip(places, before, strict=True)]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def set_theme(self, dark: bool) -> None:
        """Take the colors for a dark or a light background."""
        self._colors = {MARKS[level]: QColor(color) for level, color in colors(dark).items()}

    def _arrange(self) -> None:
        shown, is_shown = list(range(len(self.exposures))), self._is_shown
        if is_shown is not None:
            shown = [place for place in shown if is_shown(self.row(place))]
        if self._sorted is not None:
            column, descending = self._sorted
            keys = {place: COLUMNS[column].key(self.row(place)) for place in shown}
            known = [place for place in shown if keys[place] is not None]
            known.sort(key=lambda place: keys[place], reverse=descending)
            shown = known + [place for place in shown if keys[place] is None]
        self.order = shown

    def _tip(self, row: Row, column: int) -> str:
        if column == 0:
            return as_text(str(row.exposure.file or row.exposure.name))
        title = COLUMNS[column].title
        said = {
            "size": row.facts.problem if row.facts else "",
            "halves": (row.halves.message + f" {row.halves.warning}") if row.halves else "",
        }
        return as_text(said.get(title) or COLUMNS[column].text(row))

    def _picture(self, row: Row, column: int) -> QIcon | None:
        if column:
            return None
        pixels = self.thumbnails.get(row.exposure.name)
        return self._nothing if pixels is None else _icon(pixels)

    def _color(self, row: Row, column: int) -> QColor | None:
        text = COLUMNS[column].text(row) if COLUMNS[column].title in {"decision", "halves"} else ""
        return self._colors.get(text[:1])


def _alignment(row: Row, column: int) -> Any:  # noqa: ARG001  all of a column
    is_number = bool(COLUMNS[column].word) or COLUMNS[column].title == "size"
    side = Qt.AlignmentFlag.AlignRight if is_number else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


def _icon(pixels: NDArray[np.uint8], opacity: float = 1.0) -> QIcon:
    """Return a small picture that looks the same in a selected row."""
    height, width = pixels.shape
    kept = pixels.tobytes()  # Qt does not copy them
    small = QImage(kept, width, height, width, QImage.Format.Format_Grayscale8)
    image = small.scaled(LARGE, LARGE, Qt.AspectRatioMode.KeepAspectRatio, SMOOTH)  # names stand in one line
    picture = QPixmap(image.size())
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setOpacity(opacity)
    painter.drawImage(0, 0, image)
    painter.end()
    icon = QIcon(picture)
    icon.addPixmap(picture, QIcon.Mode.Selected)
    return icon
