"""A list that a worker fills, one line after another, while it stays usable."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QListWidget, QListWidgetItem

from napari_cryoden.threads.worker import Work, Worker


class SearchList(QListWidget):
    """Shows what a generator finds; its events come to `take`, in the interface's thread.

    Attributes
    ----------
    trouble : str
        One line about why the search failed; empty when it did not.

    Signals
    -------
    changed
        Lines, choice or state are new.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setUniformItemSizes(True)
        self.trouble = ""
        self._worker: Worker | None = None

    @property
    def checking(self) -> bool:
        """Whether more is to come."""
        return self._worker is not None

    def search(self, work: Work) -> None:
        """Show what this finds in place of what is shown; it runs in a thread, and may touch no layer."""
        self.forget()
        # Searching a big folder comes to no event for long, and nobody waits for it at the end.
        self._worker = Worker(work, self, daemon=True)
        self._worker.delivered.connect(self._deliver)
        self._worker.failed.connect(self._fail)
        self._worker.finished.connect(self._done)
        self._worker.start()
        self.changed.emit()

    def forget(self) -> None:
        """Empty the list; what is still to come is dropped."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.blockSignals(True)
            worker.stop()
            worker.deleteLater()
        self.trouble = ""
        self.clear()
        self.changed.emit()

    def rest(self) -> None:
        """Look no further; what was found stays."""
        if self._worker is not None:
            self._worker.stop()

    def pause(self, on: bool) -> None:
        """Leave disk and processor to others for a while, or resume."""
        if self._worker is not None and self._worker.paused != on:
            self._worker.pause(on)

    def take(self, event: Any) -> None:
        """Show one event."""
        raise NotImplementedError

    def lines(self) -> list[str]:
        """Return the lines as they are shown."""
        return [self.line(row).text() for row in range(self.count())]

    def line(self, row: int) -> QListWidgetItem:
        """Return the item of a row."""
        item = self.item(row)
        assert item is not None  # noqa: S101  rows are those of the items
        return item

    def _deliver(self, events: list[Any]) -> None:
        self.blockSignals(True)
        for event in events:
            self.take(event)
        self.blockSignals(False)
        self.changed.emit()

    def _fail(self, message: str) -> None:
        self.trouble = message

    def _done(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.deleteLater()
        self.changed.emit()
