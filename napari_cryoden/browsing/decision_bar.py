"""Buttons and the note below the table of exposures."""

from __future__ import annotations

from functools import partial

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QGridLayout, QLineEdit, QMenu, QPushButton, QWidget

from cryoden.browsing.decisions import Decision, Verdict
from napari_cryoden.tool_tip import set_tip

GO_WITH: dict[str, Verdict] = {
    "Leave undecided out…": "",
    "Undecided with the accepted…": "accepted",
    "Undecided with the rejected…": "rejected",
}


class DecisionBar(QWidget):
    """What one can say about the exposure that is looked at, and what can be done with all of it.

    Signals
    -------
    asked : str
        ``"accept"``, ``"reject"`` or ``"undo"``.
    noted : str
        The note is another one.
    done
        Enter was pressed in the note.
    exported : str
        Lists are wanted; with which ones the undecided go.
    elsewhere
        Decisions are to be saved in another file.
    """

    asked = Signal(str)
    noted = Signal(str)
    done = Signal()
    exported = Signal(str)
    elsewhere = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.buttons = {what: QPushButton(what.capitalize()) for what in ("accept", "reject", "undo")}
        self.note = QLineEdit()
        self.advance = QCheckBox("Next after a decision")
        self.export_button = QPushButton("Export")
        self._said = ""
        self._lay_out()
        self._connect()

    def write_note(self) -> None:
        """Let the user write a note."""
        self.note.setFocus()
        self.note.selectAll()

    def show_decision(self, decision: Decision, problem: str, saved: str) -> None:
        """Show what holds of an exposure, or why nothing can be said about it; ``saved`` is where."""
        if decision.note != self._said:
            self._said = decision.note
            self.note.setText(decision.note)
        tips = {"accept": "Accept this exposure (A); once more: undecided", "undo": "Undo the last one (U)"}
        tips["reject"] = "Reject this exposure (R); once more: undecided"
        for what, button in self.buttons.items():
            button.setEnabled(not problem)
            set_tip(button, problem or tips[what])
        self.note.setEnabled(not problem)
        set_tip(self.note, problem or "A note about this exposure (N)")
        set_tip(self.export_button, f"Lists for other programs and as text. {saved}")

    def _note(self) -> None:
        if self.note.text() != self._said:
            self._said = self.note.text()
            self.noted.emit(self._said)

    def _lay_out(self) -> None:
        self.note.setPlaceholderText("note (N)")
        set_tip(self.advance, "Accepting or rejecting an exposure shows the next one")
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        for place, button in enumerate(self.buttons.values()):
            grid.addWidget(button, 0, 2 * place, 1, 2)
        grid.addWidget(self.note, 1, 0, 1, 6)
        grid.addWidget(self.advance, 2, 0, 1, 4)
        grid.addWidget(self.export_button, 2, 4, 1, 2)
        menu = QMenu(self)
        for words, verdict in GO_WITH.items():
            menu.addAction(words, partial(self.exported.emit, verdict))
        menu.addSeparator()
        menu.addAction("Save decisions in…", self.elsewhere.emit)
        self.export_button.setMenu(menu)

    def _connect(self) -> None:
        for what, button in self.buttons.items():
            button.clicked.connect(partial(self.asked.emit, what))
        self.note.editingFinished.connect(self._note)
        self.note.returnPressed.connect(self.done)
