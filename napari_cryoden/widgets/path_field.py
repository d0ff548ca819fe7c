"""A path to type, or to choose with a dialog."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Literal

from qtpy.QtCore import QMimeData, Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QMenu, QToolButton, QVBoxLayout, QWidget

from cryoden.formats.names import stem_of
from napari_cryoden.paths import typed
from napari_cryoden.remembered import add_recent, recent
from napari_cryoden.tool_tip import set_tip

Kind = Literal["open", "save", "folder", "either"]


class PathField(QWidget):
    """One line with a path and a button ``…``.

    Parameters
    ----------
    kind : {"open", "save", "folder", "either"}
        Which dialog the button opens; ``"either"`` asks first whether for a folder or a file.
    title : str
        What the dialog asks for.
    filters : str
        File types of the dialog, in Qt's words.
    placeholder : str
        What an empty line means.
    recent : bool
        Whether folders that were used last are offered, and this one among them afterwards.

    Signals
    -------
    changed
        The text is another one, letter by letter while somebody types.
    chosen
        The path is whole: Enter was pressed, the line was left, or a dialog gave it.
    """

    changed = Signal()
    chosen = Signal()

    def __init__(
        self, kind: Kind, title: str, filters: str = "", placeholder: str = "", recent: bool = False
    ) -> None:
        super().__init__()
        self._title, self._filters, self._kind, self._recent = title, filters, kind, recent
        self.line = QLineEdit()
        self.line.setPlaceholderText(placeholder)
        set_tip(self.line, title)
        self._typing = False
        self.line.textChanged.connect(self._typed)
        self.line.returnPressed.connect(self._choose)
        self.line.editingFinished.connect(self._left)
        self.button = QToolButton()
        self.button.setText("…")
        set_tip(self.button, title)
        self.menu = QMenu(self)  # of the button itself it would draw its arrow over the dots
        self.button.clicked.connect(self._let_choose)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(2)
        row = QHBoxLayout()
        row.setSpacing(4)
        self.column.addLayout(row)
        row.addWidget(self.line, stretch=1)
        row.addWidget(self.button)

    @property
    def path(self) -> Path | None:
        """The path, ``None`` for an empty line; ``~`` stands for the home folder."""
        return typed(self.line.text())

    @path.setter
    def path(self, path: Path | None) -> None:
        self.line.setText("" if path is None else str(path))
        self._choose()

    def _typed(self, text: str) -> None:
        set_tip(self.line, text or self._title)  # the end of a long path is out of sight
        self._typing = True
        self.changed.emit()

    def _choose(self) -> None:
        self._typing = False
        if self._recent and self.path is not None and self.path.exists():
            add_recent(self.path.absolute())
        self.chosen.emit()

    def _left(self) -> None:
        if self._typing:  # leaving a line says nothing new about the same path
            self._choose()

    def _let_choose(self) -> None:
        """Ask with a dialog, or first in a menu where there is something to choose between."""
        known = [path for path in recent() if path != self.path] if self._recent else []
        if self._kind != "either" and not known:
            self._ask(self._kind)
            return
        self.menu.clear()
        if self._kind == "either":
            self.menu.addAction("Folder…", partial(self._ask, "folder"))
            self.menu.addAction("File…", partial(self._ask, "open"))
        else:
            self.menu.addAction("Choose…", partial(self._ask, self._kind))
        if known:
            self.menu.addSection("Recent")
        for path in known:
            self.menu.addAction(str(path).replace("&", "&&"), partial(self._take, path))
        self.menu.popup(self.button.mapToGlobal(self.button.rect().bottomLeft()))

    def _take(self, path: Path) -> None:
        self.path = path

    def _ask(self, kind: Kind) -> None:
        at = self.line.text()
        if kind == "folder":
            chosen = QFileDialog.getExistingDirectory(self, self._title, at)
        elif kind == "open":
            chosen, _ = QFileDialog.getOpenFileName(self, self._title, at, self._filters)
        else:
            # Nothing is ever replaced, so the dialog must not offer to.
            keep = QFileDialog.Option.DontConfirmOverwrite
            chosen, _ = QFileDialog.getSaveFileName(self, self._title, at, self._filters, options=keep)
        if chosen:
            self.path = Path(chosen)


def propose_output(
    micrographs: PathField, output: PathField, proposed: Path | None, ending: str = "denoised"
) -> Path | None:
    """Name a folder beside the micrographs, unless the user has named one; return what is proposed.

    Inside their folder it would be one more folder of micrographs to the next batch.
    """
    if micrographs.path is None or output.path not in {None, proposed}:
        return proposed
    chosen = micrographs.path.absolute()
    folder = chosen.parent if os.access(chosen.parent, os.W_OK) else Path.home()
    output.path = folder / f"{chosen.name if chosen.is_dir() else stem_of(chosen)}_{ending}"
    return output.path


def forget_output(micrographs: PathField, output: PathField) -> None:
    """Empty the output where what it was chosen for is there no more: it is of another project."""
    if micrographs.path is None:
        output.path = None


def dropped(dragged: QMimeData | None) -> list[Path]:
    """Return the files and folders of this machine that are dragged."""
    urls = dragged.urls() if dragged is not None else []
    return [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]
