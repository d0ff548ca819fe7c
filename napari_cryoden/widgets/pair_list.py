"""The pairs found, each with what the check of its halves says."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QListWidgetItem

from cryoden.dataset.half_checks import HalfCheck, inspect
from cryoden.errors import CryodenError, Remark
from cryoden.micrograph import HalfPair
from napari_cryoden.tool_tip import set_tip
from napari_cryoden.widgets.search_list import SearchList

Opener = Callable[[], HalfPair]
Find = Callable[[], Sequence[tuple[str, Opener]]]
Remarks = Callable[[], Sequence[Remark]]


@dataclass(frozen=True)
class _Checked:
    row: int
    verdict: HalfCheck | str


@dataclass(frozen=True)
class _Odd:
    remarks: Sequence[Remark]


class PairList(SearchList):
    """Lists pairs by name; a worker finds and checks them and the verdicts appear one by one.

    Only pairs that are ready can be chosen, and all of them are at first.

    Attributes
    ----------
    remarks : sequence of Remark
        What is odd about where they were found.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setSelectionMode(SearchList.SelectionMode.NoSelection)
        self.setFixedHeight(84)
        self.itemChanged.connect(self.changed)
        self._pairs: Sequence[tuple[str, Opener]] = ()
        self.remarks: Sequence[Remark] = ()

    def look(self, find: Find, remarks: Remarks = tuple) -> None:
        """Find pairs, and what is odd, and check them; all in a thread, so none may touch a layer."""
        self.search(lambda: _checked(find, remarks))

    def forget(self) -> None:
        """Empty the list; what is still being checked is dropped."""
        self._pairs = self.remarks = ()
        super().forget()

    def chosen(self) -> list[Opener]:
        """Return how to open each pair that is ready and ticked."""
        ticked = Qt.CheckState.Checked
        return [
            opener for row, (_, opener) in enumerate(self._pairs) if self.line(row).checkState() == ticked
        ]

    def verdicts(self) -> list[str]:
        """Return the lines as they are shown."""
        return self.lines()

    def take(self, event: Sequence[tuple[str, Opener]] | _Odd | _Checked) -> None:
        """List the pairs, keep what is odd, or show the verdict on one."""
        if isinstance(event, _Checked):
            self._show_verdict(event)
        elif isinstance(event, _Odd):
            self.remarks = event.remarks
        else:
            self._list(event)

    def _list(self, pairs: Sequence[tuple[str, Opener]]) -> None:
        self._pairs = pairs
        for name, _ in pairs:
            QListWidgetItem(f"{name} · checking …", self).setFlags(Qt.ItemFlag.ItemIsEnabled)

    def _show_verdict(self, event: _Checked) -> None:
        item, verdict = self.line(event.row), event.verdict
        item.setText(f"{self._pairs[event.row][0]} · {in_short(verdict)}")
        set_tip(item, verdict.message if isinstance(verdict, HalfCheck) else verdict)
        if isinstance(verdict, HalfCheck) and verdict.ready:
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked)


def _checked(find: Find, remarks: Remarks) -> Generator[Any, None, None]:
    pairs = find()
    yield pairs
    yield _Odd(remarks())
    for row, (_, opened) in enumerate(pairs):
        yield _Checked(row, checked(opened))


def checked(opened: Opener) -> HalfCheck | str:
    """Return the verdict on a pair, or one line about why it cannot be read."""
    try:
        return inspect(opened())
    except CryodenError as error:
        return str(error)


def in_short(verdict: HalfCheck | str) -> str:
    """Return a verdict in a few words."""
    if isinstance(verdict, str):
        return "unreadable"
    if verdict.ready:
        return f"usable, CC {verdict.correlation:z.3f}"
    return "halves do not match" if verdict.kind == "uncorrelated" else verdict.kind
