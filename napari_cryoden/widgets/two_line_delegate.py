"""How a row of two lines is drawn: a name, and below it, fainter, what is known of it."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QModelIndex, QRect, QSize, Qt
from qtpy.QtGui import QColor, QPainter
from qtpy.QtWidgets import QApplication, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from napari_cryoden.widgets.verdict_label import MARKS, colors

MARGIN = 4  # px
FAINT = 0.75


class TwoLineDelegate(QStyledItemDelegate):
    """Draws the two lines of an item's text; a mark that begins the second has its color.

    A name that is too long loses its middle: its end distinguishes it from the next.
    """

    def __init__(self, parent: Any) -> None:
        super().__init__(parent)
        self.set_theme(dark=True)

    def set_theme(self, dark: bool) -> None:
        """Take the colors for a dark or a light background."""
        self._colors = {MARKS[level]: color for level, color in colors(dark).items()}

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:  # noqa: ARG002, N802  Qt's
        """Return the size of two lines with some room between rows."""
        return QSize(0, 2 * option.fontMetrics.height() + 2 * MARGIN)

    def paint(self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Draw the background as the theme does, and the two lines over it."""
        self.initStyleOption(option, index)
        name, _, known = str(index.data()).partition("\n")
        option.text = ""
        widget: Any = option.widget
        style: Any = (widget or QApplication).style()
        if painter is None:
            return
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, widget)
        painter.save()
        painter.setPen(option.palette.text().color())
        first = option.rect.adjusted(MARGIN, MARGIN, -MARGIN, 0)
        first.setHeight(option.fontMetrics.height())
        _write(painter, first, name, Qt.TextElideMode.ElideMiddle)
        self._write_known(painter, first.translated(0, first.height()), known)
        painter.restore()

    def _write_known(self, painter: QPainter, place: QRect, known: str) -> None:
        color = self._colors.get(known[:1])
        if color is not None:
            text = painter.pen()
            painter.setPen(QColor(color))
            _write(painter, place, known[:1], Qt.TextElideMode.ElideNone)
            painter.setPen(text)
            place = place.adjusted(painter.fontMetrics().horizontalAdvance(f"{known[:1]} "), 0, 0, 0)
            known = known[2:]
        painter.setOpacity(FAINT)
        _write(painter, place, known, Qt.TextElideMode.ElideRight)


def _write(painter: QPainter, place: QRect, text: str, elide: Qt.TextElideMode) -> None:
    shown = painter.fontMetrics().elidedText(text, elide, place.width())
    painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
