"""Decisions of one look through an acquisition, and those that other viewers make meanwhile."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QObject, QTimer, Signal

from cryoden.browsing.decisions import UNDECIDED, Decision, Decisions, Verdict
from cryoden.errors import CryodenError
from napari_cryoden.notify import show_problem

OTHERS = 2000  # ms, after which decisions of other viewers are read


class Deciding(QObject):
    """Shows as a message what goes wrong, and says whether something was done.

    Attributes
    ----------
    decisions : Decisions or None
        Where they are kept; ``None`` where they cannot be.

    Signals
    -------
    changed
        A decision is new.
    """

    changed = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.decisions: Decisions | None = None
        self._others = QTimer(self)
        self._others.setInterval(OTHERS)
        self._others.timeout.connect(self.refresh)

    def keep_in(self, path: Path) -> None:
        """Keep decisions in this file from now on, where it is one of decisions, or none yet."""
        try:
            self.decisions = Decisions(path)
        except CryodenError as error:
            self.decisions = None
            show_problem(error)
        self._others.start()
        self.changed.emit()

    def of(self, name: str) -> Decision:
        """Return what holds of an exposure."""
        return UNDECIDED if self.decisions is None else self.decisions.of(name)

    def decide(self, name: str, verdict: Verdict | None = None, note: str | None = None) -> bool:
        """Decide about an exposure, on disk at once; whether that could be done."""
        if self.decisions is None:
            return False
        try:
            self.decisions.decide(name, verdict, note)
        except CryodenError as error:
            show_problem(error)
            return False
        self.changed.emit()
        return True

    def undo(self) -> str | None:
        """Take the last decision back, and return which exposure it was about."""
        try:
            name = self.decisions.undo() if self.decisions is not None else None
        except CryodenError as error:
            show_problem(error)
            return None
        self.changed.emit()
        return name

    def refresh(self) -> None:
        """Take in what other viewers have decided."""
        try:
            if self.decisions is not None and self.decisions.refresh():
                self.changed.emit()
        except CryodenError as error:
            self._others.stop()
            show_problem(error)

    def words(self) -> str:
        """Return how many were accepted and rejected."""
        if self.decisions is None:
            return "decisions cannot be saved"
        counts = self.decisions.counts()
        return f"{counts['accepted']:,} accepted, {counts['rejected']:,} rejected"
