"""Files of a batch: what became of each in a few words, and whole in the tip."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import cast

from qtpy.QtCore import Qt
from qtpy.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from qtpy.QtWidgets import QListWidget, QListWidgetItem

from cryoden.errors import printable
from cryoden.events.batch import FileFailed, FileFinished, FileSkipped
from cryoden.events.batch_progress import short_name
from napari_cryoden.tool_tip import set_tip

OF, WHOLE = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1
Ended = FileFailed | FileFinished | FileSkipped


class FileList(QListWidget):
    """Grows at its end; Ctrl+C copies what is chosen whole, and everything where nothing is.

    Parameters
    ----------
    lines : int
        How many are visible.
    """

    def __init__(self, lines: int) -> None:
        super().__init__()
        self._seen = 0
        self.setSelectionMode(QListWidget.SelectionMode.ExtendedSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setUniformItemSizes(True)
        self.setFixedHeight(lines * (self.fontMetrics().lineSpacing() + 2) + 8)

    def follow(self, events: Sequence[Ended], total: int) -> None:
        """Show these events, the last ones of ``total``; those shown before are not touched.

        Another batch begins with none.
        """
        new = max(0, min(total - self._seen, len(events)))
        self._seen = total
        for event in islice(events, len(events) - new, None):
            self._add(event)
        while self.count() > len(events):
            self.takeItem(0)
        if new:
            self.scrollToBottom()

    @property
    def chosen(self) -> Ended | None:
        """What the chosen line stands for, the last line where none is chosen; ``None`` of no lines."""
        items = self._chosen()
        return cast("Ended", items[-1].data(OF)) if items else None

    def copy(self) -> None:
        """Put the lines on the clipboard."""
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setText("\n".join(str(item.data(WHOLE)) for item in self._chosen()))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802  Qt's name
        """Copy whole lines; Qt by itself would copy one short one."""
        if event is not None and event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        else:
            super().keyPressEvent(event)

    def _chosen(self) -> list[QListWidgetItem]:
        every = (self.item(row) for row in range(self.count()))
        return self.selectedItems() or [item for item in every if item is not None]

    def _add(self, event: Ended) -> None:
        item = QListWidgetItem(_short(event), self)
        item.setData(WHOLE, _whole(event))
        set_tip(item, _whole(event))
        item.setData(OF, event)


def _short(event: Ended) -> str:
    name = short_name(event.path)
    if isinstance(event, FileFailed):
        return f"{name}\n{event.code} {event.problem}"
    if isinstance(event, FileSkipped):
        return f"{name} · already done"
    remarks = f" · warnings: {len(event.warnings)}" if event.warnings else ""
    return f"{name} · {event.seconds:.1f} s{remarks}"


def _whole(event: Ended) -> str:
    if isinstance(event, FileFailed):
        return event.message
    remarks = event.warnings if isinstance(event, FileFinished) else ()
    return "\n".join([printable(event.output), *map(str, remarks)])
