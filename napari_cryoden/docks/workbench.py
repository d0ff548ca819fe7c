"""All steps in one dock: a row of buttons above, the step below."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtWidgets import (
    QButtonGroup,
    QGridLayout,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from napari_cryoden.choices.kept import Kept
from napari_cryoden.docks.batch import BatchWidget
from napari_cryoden.docks.browse import BrowseWidget
from napari_cryoden.docks.compare import CompareWidget
from napari_cryoden.docks.denoise import DenoiseWidget
from napari_cryoden.docks.evaluate import EvaluateWidget
from napari_cryoden.docks.movies import MoviesWidget
from napari_cryoden.docks.open import OpenWidget
from napari_cryoden.docks.picks import PicksWidget
from napari_cryoden.docks.runs import RunsWidget
from napari_cryoden.docks.train import TrainWidget
from napari_cryoden.navigation import WORKBENCH
from napari_cryoden.tool_tip import set_tip
from napari_cryoden.widgets.dock import WIDTH, Dock, weakly
from napari_cryoden.window import plain

# By their names in the manifest: the word on the button, what it opens, and what one does there.
STEPS: dict[str, tuple[str, Callable[[Any], Dock], str]] = {
    "Open micrographs": ("Open", OpenWidget, "Find and open micrographs and half-set pairs"),
    "Train a denoiser": ("Train", TrainWidget, "Train on your own micrographs"),
    "Denoise": ("Denoise", DenoiseWidget, "Denoise a layer"),
    "Compare": ("Compare", CompareWidget, "Compare raw and denoised: side by side, blink or swipe"),
    "Picks": ("Picks", PicksWidget, "See coordinates of particles, find some, save them"),
    "Evaluate": ("Evaluate", EvaluateWidget, "Is the result trustworthy?"),
    "Batch": ("Batch", BatchWidget, "Denoise many files"),
    "Runs": ("Runs", RunsWidget, "Compare earlier runs, use their models and settings"),
    "Browse": ("Browse", BrowseWidget, "Page through exposures, accept and reject them"),
    "From movies": ("Movies", MoviesWidget, "Make half-sets from movies"),
}
COLUMNS = 4
STEP = "All steps: step"


class Workbench(QWidget):
    """Makes each step when it is first asked for, and keeps it."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.setObjectName(WORKBENCH)
        self.viewer = plain(napari_viewer)
        self.buttons: dict[str, QPushButton] = {}
        self._made: dict[str, Dock] = {}
        self._stack = QStackedWidget()
        self._group = QButtonGroup(self)  # one of them is always down
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(4)
        column.addLayout(self._row())
        column.addWidget(self._stack, stretch=1)
        self.setFixedWidth(WIDTH)
        # Else napari, which takes it for a widget of fixed height, adds a stretch below it at each docking.
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self._kept = Kept.of(self.viewer)
        step = self._kept.values.get(STEP)
        self.bring(step if step in STEPS else "Open micrographs")

    def has(self, name: str) -> bool:
        """Whether there is a step of this name."""
        return name in STEPS

    def bring(self, name: str) -> Dock:
        """Show a step and return it."""
        if name not in self._made:
            self._made[name] = STEPS[name][1](self.viewer)
            self._stack.addWidget(self._made[name])
        self._stack.setCurrentWidget(self._made[name])
        self.buttons[name].setChecked(True)
        self._kept.note(STEP, name)
        return self._made[name]

    def _row(self) -> QGridLayout:
        row = QGridLayout()
        row.setContentsMargins(6, 0, 6, 0)
        row.setSpacing(3)
        for place, (name, (word, _, use)) in enumerate(STEPS.items()):
            button = self.buttons[name] = _button(word, use)
            button.clicked.connect(weakly(self.bring, name))
            self._group.addButton(button)
            row.addWidget(button, place // COLUMNS, place % COLUMNS)
        return row


def _button(word: str, use: str) -> QPushButton:
    button = QPushButton(word)
    set_tip(button, use)
    button.setCheckable(True)
    button.setMinimumWidth((WIDTH - 24) // COLUMNS)
    return button
