"""The micrographs found, pairs of halves first, each with what is known of it."""

from __future__ import annotations

import math
import os
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QListWidgetItem

from cryoden.dataset.browse import listing
from cryoden.dataset.folder_walk import left_out_below
from cryoden.dataset.half_checks import HalfCheck
from cryoden.dataset.half_names import HalfFiles
from cryoden.dataset.listed_files import pixel_sizes
from cryoden.dataset.survey import outside_projects
from cryoden.errors import CryodenError, printable
from cryoden.formats.micrographs import open_micrograph
from cryoden.micrograph import HalfPair, Windowed
from napari_cryoden.layers.lazy_stack import stack_of
from napari_cryoden.paths import FEW
from napari_cryoden.tool_tip import set_tip
from napari_cryoden.widgets.pair_list import checked, in_short
from napari_cryoden.widgets.search_list import SearchList
from napari_cryoden.widgets.two_line_delegate import TwoLineDelegate
from napari_cryoden.widgets.verdict_label import MARKS

BYTES = 4  # of a pixel in a layer


@dataclass(frozen=True)
class Row:
    """A pair of halves, the even one first, or a single micrograph; ``listed`` is the Å/px of a STAR file."""

    name: str
    files: tuple[Path, ...]
    listed: float | None = None

    @property
    def images(self) -> list[tuple[Path, int | None]]:
        """The files, and which of their images; both halves of cryoSPARC's patch motion are in one file."""
        sections = HalfFiles(self.name, *self.files).sections if self.is_pair else (None,)
        return list(zip(self.files, sections, strict=True))

    @property
    def is_pair(self) -> bool:
        """Whether these are two halves."""
        return len(self.files) == 2


@dataclass(frozen=True)
class RowFacts:
    """What is known of a row."""

    row: int
    words: str
    more: str
    size: int = 0  # bytes as layers; 0 where it cannot be read
    checked: bool = False
    ready: bool = False


@dataclass(frozen=True)
class LeftOut:
    """Which files below folders are not listed, in words; nothing where all are."""

    words: str


class MicrographList(SearchList):
    """Lists what there is by name at once; a worker reads headers, then checks pairs, in order.

    What can be read may be selected in any state: one may want to look at what is amiss.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setSelectionMode(SearchList.SelectionMode.ExtendedSelection)
        self.setMinimumHeight(120)
        self._lines = TwoLineDelegate(self)
        self.setItemDelegate(self._lines)
        self.itemSelectionChanged.connect(self.changed.emit)
        self._rows: Sequence[Row] = ()
        self._facts: dict[int, RowFacts] = {}
        self.left_out = ""

    def set_theme(self, dark: bool) -> None:
        """Take the colors for a dark or a light background."""
        self._lines.set_theme(dark)
        self.update()

    def look(self, paths: Sequence[Path]) -> None:
        """List what is in these files, folders and STAR files."""
        self.search(lambda: _looked_at(paths))

    def forget(self) -> None:
        """Empty the list; what is still being looked at is dropped."""
        self._rows, self._facts, self.left_out = (), {}, ""
        super().forget()

    def take(self, event: Sequence[Row] | RowFacts | LeftOut) -> None:
        """List the rows, or show what is known of one."""
        if isinstance(event, LeftOut):
            self.left_out = event.words
            return
        if isinstance(event, RowFacts):
            self._facts[event.row] = event
            self.line(event.row).setText(f"{printable(self._rows[event.row].name)}\n{event.words}")
            set_tip(self.line(event.row), event.more)
            if not event.size:
                self._leave_out(event.row)
            return
        self._rows = event
        for row in event:
            set_tip(QListWidgetItem(f"{printable(row.name)}\n…", self), _files(row))
        if sum(len(row.files) for row in event) <= FEW:
            self.selectAll()

    def _leave_out(self, row: int) -> None:
        """Select nothing that cannot be read; of a pair one half may be opened all the same."""
        self.line(row).setSelected(False)
        if not self._rows[row].is_pair:
            self.line(row).setFlags(self.line(row).flags() & ~Qt.ItemFlag.ItemIsSelectable)

    def chosen(self) -> list[Path]:
        """Return the files of the selected rows in the order of the list, halves side by side."""
        return [file for row in self._selected() for file in self._rows[row].files]

    def sections(self) -> list[int | None]:
        """Return for each of the files that are `chosen` which image of it is meant."""
        return [section for row in self._selected() for _, section in self._rows[row].images]

    def pixel_sizes(self) -> dict[Path, float]:
        """Return the Å/px that STAR files list."""
        return {file: row.listed for row in self._rows if row.listed for file in row.files}

    def bytes_of_chosen(self) -> int:
        """Return how much memory the selected ones take as layers, as far as their sizes are known."""
        return sum(self._facts[row].size for row in self._selected() if row in self._facts)

    def select_ready(self) -> None:
        """Select the pairs that are ready, and nothing else."""
        self.blockSignals(True)
        self.clearSelection()
        for row, facts in self._facts.items():
            self.line(row).setSelected(facts.ready)
        self.blockSignals(False)
        self.changed.emit()

    @property
    def pairs(self) -> int:
        """How many pairs are listed."""
        return sum(row.is_pair for row in self._rows)

    @property
    def checked(self) -> int:
        """How many pairs have their verdict."""
        return sum(facts.checked for facts in self._facts.values())

    @property
    def ready(self) -> int:
        """How many pairs can be trained with."""
        return sum(facts.ready for facts in self._facts.values())

    @property
    def unreadable(self) -> int:
        """How many single files are no readable micrographs."""
        return sum(not facts.size for row, facts in self._facts.items() if not self._rows[row].is_pair)

    def summary(self) -> str:
        """Return how many there are of what."""
        pairs, unreadable = self.pairs, self.unreadable
        single = self.count() - pairs - unreadable
        how = f" ({self.checked:,} checked, {self.ready:,} usable)" if pairs else ""
        bad = f", {unreadable:,} unreadable" if unreadable else ""
        return f"{_counted(pairs, 'half-set pair')}{how}, {_counted(single, 'micrograph')}{bad}"

    def _selected(self) -> list[int]:
        # While lines are being cleared, PySide6 reports a selection whose rows are forgotten already.
        return sorted(index.row() for index in self.selectedIndexes() if index.row() < len(self._rows))


def _looked_at(paths: Sequence[Path]) -> Generator[Any, None, None]:
    found, sizes = listing(paths), pixel_sizes(paths)
    rows = [Row(pair.name, (pair.even, pair.odd), sizes.get(pair.even)) for pair in found.pairs]
    named = zip(_names(found.others), found.others, strict=True)
    rows += [Row(name, (file,), sizes.get(file)) for name, file in named]
    yield rows
    outside = [str(remark) for remark in outside_projects(paths)]
    yield LeftOut("; ".join(filter(None, [left_out_below(paths), *outside])))
    pairs: dict[int, HalfPair] = {}
    for number, row in enumerate(rows):
        yield _read(number, row, pairs)
    for number, pair in pairs.items():
        yield _checked(number, rows[number], pair)


def _names(files: Sequence[Path]) -> Iterator[str]:
    """Yield file names, with their folders, from the one that is common to all, where there are several."""
    whole = [file.absolute() for file in files]
    root = Path(os.path.commonpath([file.parent for file in whole])) if whole else Path()
    yield from (file.relative_to(root).as_posix() for file in whole)


def _read(number: int, row: Row, pairs: dict[int, HalfPair]) -> RowFacts:
    """Return what the headers say; a pair that can be read is kept for its check."""
    try:
        stack = None if row.is_pair else stack_of(row.files[0], None, row.listed)
        images = [(row.files[0], 0)] if stack else row.images
        opened = [open_micrograph(file, listed=row.listed, section=section) for file, section in images]
    except CryodenError as error:
        return RowFacts(
            number, f"{MARKS['bad']} {error.code}  {error.problem}", str(error), checked=row.is_pair
        )
    size = words = (f"stack of {len(stack)}, " if stack else "") + _size(opened[0])
    if row.is_pair:
        pairs[number] = HalfPair(*opened)
        words = f"{MARKS['wait']} pair, checking … · {size}"
    return RowFacts(number, words, f"{size}\n{_files(row)}", _bytes(opened))


def _checked(number: int, row: Row, pair: HalfPair) -> RowFacts:
    verdict = checked(lambda: pair)
    ready = isinstance(verdict, HalfCheck) and verdict.ready
    words = f"{MARKS['good' if ready else 'bad']} pair, {in_short(verdict)} · {_size(pair.even)}"
    why = verdict.message if isinstance(verdict, HalfCheck) else verdict
    more = f"{why}\n{_size(pair.even)}\n{_files(row)}"
    return RowFacts(number, words, more, _bytes((pair.even, pair.odd)), True, ready)


def _size(micrograph: Windowed) -> str:
    height, width = micrograph.shape
    pixel = f"{micrograph.pixel_size:.4g} Å/px" if micrograph.pixel_size else "no pixel size"
    return f"{width}×{height}, {pixel}"


def _bytes(opened: Sequence[Windowed]) -> int:
    return sum(BYTES * math.prod(micrograph.shape) for micrograph in opened)


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _files(row: Row) -> str:
    return "\n".join(printable(file) for file in row.files)
