"""The table on the screen: rows of one height, keys for decisions, and which rows are in view."""

from __future__ import annotations

from itertools import islice

from qtpy.QtCore import QModelIndex, QSize, Qt, QTimer, Signal
from qtpy.QtGui import QKeyEvent, QResizeEvent
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from napari_cryoden.browsing.columns import COLUMNS, empty
from napari_cryoden.browsing.exposure_table import LARGE, SIDE, ExposureTable

KEYS = {
    Qt.Key.Key_A: "accept",
    Qt.Key.Key_R: "reject",
    Qt.Key.Key_N: "note",
    Qt.Key.Key_U: "undo",
}
SETTLED = 80  # ms without scrolling
WIDTHS = {"exposure": 180, "decision": 84, "defocus µm": 80, "CTF fit Å": 72, "ice": 48, "size": 84}

NARROWEST, MARGIN = 110, 20  # px of the column of names, and in it beside thumbnail and name
ROOMY = 1200  # px, of the height of the table
NAMES = 200  # that are measured; those of a set are alike


class ExposureView(QTableView):
    """Shows one exposure per row.

    Signals
    -------
    looked_at : int
        Another exposure, by its place in the list, is the current one.
    asked : str
        A key was pressed: ``"accept"``, ``"reject"``, ``"note"`` or ``"undo"``.
    settled
        Other rows are in view, and have been for a moment.
    """

    looked_at = Signal(int)
    asked = Signal(str)
    settled = Signal()

    def __init__(self, table: ExposureTable) -> None:
        super().__init__()
        self.table = table
        self.setModel(table)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setMinimumHeight(150)
        lines, head = self.verticalHeader(), self.horizontalHeader()
        assert lines is not None and head is not None  # noqa: S101, PT018  a table has both
        lines.setVisible(False)
        lines.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)  # else each of 20,000 rows is measured
        self._set_side(SIDE)
        for place, column in enumerate(COLUMNS):
            self.setColumnWidth(place, WIDTHS.get(column.title, 76))
        self._fitted = self.columnWidth(0)
        head.setStretchLastSection(True)
        head.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SETTLED)
        self._timer.timeout.connect(self.settled)
        bar = self.verticalScrollBar()
        if bar is not None:
            bar.valueChanged.connect(self._scrolled)
        table.modelReset.connect(self._scrolled)
        table.layoutChanged.connect(self._scrolled)

    def show_columns(self) -> None:
        """Show the columns that say something of what is listed, that of names no wider than they are."""
        for place, column in enumerate(COLUMNS):
            self.setColumnHidden(place, empty(column, self.table.exposures))
        self._fit_names()

    def _fit_names(self) -> None:
        """Make the column of names as wide as they are, unless the user has dragged it."""
        if self.columnWidth(0) != self._fitted:
            return
        names = (exposure.label for exposure in islice(self.table.exposures, NAMES))
        widest = max(map(self.fontMetrics().horizontalAdvance, names), default=0)
        wide = max(NARROWEST, min(SIDE + MARGIN + widest, WIDTHS["exposure"]))
        self.setColumnWidth(0, wide + self.iconSize().width() - SIDE)
        self._fitted = self.columnWidth(0)

    def current(self) -> int | None:
        """Return the place in the list of the exposure that is looked at."""
        row = self.currentIndex().row()
        return self.table.order[row] if 0 <= row < len(self.table.order) else None

    def look_at(self, place: int) -> None:
        """Make an exposure the current one, where it is shown."""
        if place in self.table.order:
            self.look_at_row(self.table.order.index(place))

    def look_at_row(self, row: int) -> None:
        """Make a row the current one; beyond the ends, the first or the last."""
        if self.table.order:
            row = max(0, min(row, len(self.table.order) - 1))
            self.setCurrentIndex(self.table.index(row, 0))

    def step(self, rows: int) -> None:
        """Go some rows down, or up."""
        self.look_at_row(self.currentIndex().row() + rows)

    def in_view(self) -> list[int]:
        """Return the places of the exposures that can be seen."""
        port = self.viewport()
        height = port.height() if port is not None else 0
        first, last = self.rowAt(0), self.rowAt(max(0, height - 1))
        if first < 0:
            return []
        return self.table.order[first : (last if last >= 0 else len(self.table.order) - 1) + 1]

    def behind(self, count: int, back: bool) -> list[int]:
        """Return the places of the exposures after the current one, or before it."""
        row = self.currentIndex().row()
        rows = range(row - 1, row - 1 - count, -1) if back else range(row + 1, row + 1 + count)
        return [self.table.order[one] for one in rows if 0 <= one < len(self.table.order)]

    def currentChanged(self, current: QModelIndex, previous: QModelIndex) -> None:  # noqa: N802  Qt's name
        """Say which exposure is looked at."""
        super().currentChanged(current, previous)
        if current.isValid() and current.row() != previous.row():
            self.scrollTo(current.siblingAtColumn(0))
            self.looked_at.emit(self.table.order[current.row()])

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802  Qt's name
        """Take the keys of decisions; all others are the table's."""
        wanted = KEYS.get(Qt.Key(event.key())) if event is not None else None
        if event is None or wanted is None or event.modifiers() != Qt.KeyboardModifier.NoModifier:
            super().keyPressEvent(event)
            return
        event.accept()
        self.asked.emit(wanted)

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802  Qt's name
        """Show thumbnails at their full size where many of them have room; other rows are in view."""
        super().resizeEvent(event)
        side = LARGE if self.height() >= ROOMY else SIDE  # scroll bars come and go, also with this
        if side != self.iconSize().width():
            self._set_side(side)
            self._fit_names()
        self._scrolled()

    def _set_side(self, side: int) -> None:
        self.setIconSize(QSize(side, side))
        lines = self.verticalHeader()
        if lines is not None:
            lines.setDefaultSectionSize(side + 4)

    def _scrolled(self, *_: object) -> None:
        self._timer.start()
