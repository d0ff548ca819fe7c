"""The pairs found, each with what the check of its halves says."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QListWidget, QListWidgetItem

from cryoden.errors import CryodenError
from cryoden.halves import Verdict, inspect
from cryoden.micrograph import HalfPair
from napari_cryoden.worker import Worker

Opener = Callable[[], HalfPair]
Find = Callable[[], Sequence[tuple[str, Opener]]]


@dataclass(frozen=True)
class _Checked:
    row: int
    verdict: Verdict | str


class PairList(QListWidget):
    """Lists pairs by name; a worker finds and checks them and the verdicts appear one by one.

    Only pairs that are ready can be chosen, and all of them are at first.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setSelectionMode(QListWidget.SelectionMode.NoSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setFixedHeight(84)
        self.itemChanged.connect(self.changed)
        self.trouble = ""
        self._pairs: Sequence[tuple[str, Opener]] = ()
        self._worker: Worker | None = None

    @property
    def checking(self) -> bool:
        """Whether verdicts are still to come."""
        return self._worker is not None

    def look(self, find: Find) -> None:
        """Find pairs and check them; both happen in a thread, so neither may touch a layer."""
        self.forget()
        # Searching a big folder comes to no event for long, and nobody waits for it at the end.
        self._worker = Worker(lambda: _checked(find), self, daemon=True)
        self._worker.delivered.connect(self._take)
        self._worker.failed.connect(self._fail)
        self._worker.finished.connect(self._done)
        self._worker.start()
        self.changed.emit()

    def forget(self) -> None:
        """Empty the list; what is still being checked is dropped."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.blockSignals(True)
            worker.stop()
            worker.deleteLater()
        self._pairs, self.trouble = (), ""
        self.clear()
        self.changed.emit()

    def chosen(self) -> list[Opener]:
        """Return how to open each pair that is ready and ticked."""
        ticked = Qt.CheckState.Checked
        return [
            opener for row, (_, opener) in enumerate(self._pairs) if self._item(row).checkState() == ticked
        ]

    def verdicts(self) -> list[str]:
        """Return the lines as they are shown."""
        return [self._item(row).text() for row in range(self.count())]

    def _item(self, row: int) -> QListWidgetItem:
        item = self.item(row)
        assert item is not None  # noqa: S101  one item per pair
        return item

    def _take(self, events: list[Sequence[tuple[str, Opener]] | _Checked]) -> None:
        self.blockSignals(True)
        for event in events:
            if isinstance(event, _Checked):
                self._judge(event)
            else:
                self._list(event)
        self.blockSignals(False)
        self.changed.emit()

    def _list(self, pairs: Sequence[tuple[str, Opener]]) -> None:
        self._pairs = pairs
        for name, _ in pairs:
            QListWidgetItem(f"{name} · checking …", self).setFlags(Qt.ItemFlag.ItemIsEnabled)

    def _judge(self, event: _Checked) -> None:
        item, verdict = self._item(event.row), event.verdict
        item.setText(f"{self._pairs[event.row][0]} · {_words(verdict)}")
        item.setToolTip(verdict.message if isinstance(verdict, Verdict) else verdict)
        if isinstance(verdict, Verdict) and verdict.ready:
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked)

    def _fail(self, message: str) -> None:
        self.trouble = message

    def _done(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.deleteLater()
        self.changed.emit()


def _checked(find: Find) -> Generator[Any, None, None]:
    pairs = find()
    yield pairs
    for row, (_, opened) in enumerate(pairs):
        try:
            verdict: Verdict | str = inspect(opened())
        except CryodenError as error:
            verdict = str(error)
        yield _Checked(row, verdict)


def _words(verdict: Verdict | str) -> str:
    if isinstance(verdict, str):
        return "cannot be read"
    if verdict.ready:
        return f"ready, r {verdict.correlation:.3f}"
    return "another scene" if verdict.kind == "uncorrelated" else verdict.kind
