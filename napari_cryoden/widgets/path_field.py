"""A path to type, or to choose with a dialog."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QMenu, QToolButton, QVBoxLayout, QWidget

from napari_cryoden.paths import typed
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

    Signals
    -------
    changed
        The text is another one, letter by letter while somebody types.
    chosen
        The path is whole: Enter was pressed, the line was left, or a dialog gave it.
    """

    changed = Signal()
    chosen = Signal()

    def __init__(self, kind: Kind, title: str, filters: str = "", placeholder: str = "") -> None:
        super().__init__()
        self._title, self._filters = title, filters
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
        if kind == "either":
            self._let_choose()
        else:
            self.button.clicked.connect(lambda: self._ask(kind))
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
        self.chosen.emit()

    def _left(self) -> None:
        if self._typing:  # leaving a line says nothing new about the same path
            self._choose()

    def _let_choose(self) -> None:
        menu = QMenu(self)
        menu.addAction("Folder…", lambda: self._ask("folder"))
        menu.addAction("File…", lambda: self._ask("open"))
        # A menu of the button itself would draw its arrow over the dots.
        self.button.clicked.connect(
            lambda: menu.popup(self.button.mapToGlobal(self.button.rect().bottomLeft()))
        )

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
