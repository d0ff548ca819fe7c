"""What is denoised of two halves: a choice that shows itself where there are halves."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

from qtpy.QtWidgets import QComboBox, QVBoxLayout, QWidget

from cryoden.dataset.half_sums import Halves
from cryoden.dataset.output_paths import has_halves
from cryoden.errors import CryodenError
from napari_cryoden.threads.worker import Worker
from napari_cryoden.tool_tip import set_tip
from napari_cryoden.widgets.dock import heading

CHOICES: tuple[tuple[Halves, str], ...] = (("sum", "denoise the sum of both"), ("each", "denoise each half"))


class HalvesChoice(QWidget):
    """Hidden until halves are found in what the user named, which a thread looks for."""

    def __init__(self) -> None:
        super().__init__()
        self.box = QComboBox()
        for value, words in CHOICES:
            self.box.addItem(words, value)
        set_tip(
            self.box,
            "The sum has twice the electrons of a half, and one result, without _EVN or _ODD in its name. "
            "Where the full sum lies beside the halves it is taken. Each half is for evaluations",
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(heading("Even and odd halves"))
        column.addWidget(self.box)
        self.hide()
        self._looked: Path | None = None
        self._worker: Worker | None = None

    @property
    def chosen(self) -> Halves:
        """What is wanted; of micrographs without halves it makes no difference."""
        value: Halves = self.box.currentData()
        return value

    @property
    def flags(self) -> list[str]:
        """The flags of the command line for what is wanted; none for what is usual."""
        return flags_of(self.chosen)

    def look(self, path: Path | None) -> None:
        """Look for halves in a folder or a list; what is still looked for elsewhere is dropped."""
        if path == self._looked:
            return
        self._forget()
        self.hide()
        self._looked = path
        if path is not None and path.exists():
            self._worker = Worker(lambda: _found(path), self, daemon=True)
            self._worker.delivered.connect(self._deliver)
            self._worker.start()

    def _deliver(self, found: list[bool]) -> None:
        self.setVisible(found[-1])

    def _forget(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.blockSignals(True)
            worker.stop()
            worker.deleteLater()


def flags_of(halves: Halves) -> list[str]:
    """Return the flags of the command line for what is wanted; none for what is usual."""
    return [] if halves == CHOICES[0][0] else ["--halves", halves]


def _found(path: Path) -> Generator[bool, None, None]:
    with suppress(CryodenError):  # the batch says so
        yield has_halves([path])
