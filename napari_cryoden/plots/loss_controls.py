"""What is drawn of a run and how, and where it is saved: one row above the plot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import QCheckBox, QComboBox, QFileDialog, QHBoxLayout, QPushButton, QTabBar, QWidget

from cryoden.errors import CryodenError
from cryoden.events.history import History
from cryoden.events.snr_gain import SNR_GAIN, TITLE
from cryoden.io.atomic import atomic_write
from cryoden.runs import metrics
from napari_cryoden.notify import show_problem
from napari_cryoden.plots.shown_curves import has_gain
from napari_cryoden.tool_tip import as_text, set_tip

GAIN, LOSSES = range(2)  # tabs
TABS = (
    (TITLE, SNR_GAIN),
    ("Loss", "Mean squared differences, of which nearly all is noise."),
)
SPANS = {"all epochs": 0, "last 50 epochs": 50, "last 10 epochs": 10}
KINDS = "Image (*.png);;Losses (*.csv)"


class LossControls(QWidget):
    """Asks for a redraw when something else is to be seen; saves what is seen.

    Parameters
    ----------
    picture : callable
        Gives what is saved as a picture.

    Signals
    -------
    changed
        Another span, scale or run is to be drawn.
    """

    changed = Signal()

    def __init__(self, picture: Callable[[], QPixmap]) -> None:
        super().__init__()
        self._picture = picture
        self.history: History | None = None
        self.shown = QTabBar()
        self.shown.setDrawBase(False)
        for tab, (title, use) in enumerate(TABS):
            self.shown.addTab(title)
            self.shown.setTabToolTip(tab, as_text(use))
        self.span = QComboBox()
        self.span.addItems(list(SPANS))
        set_tip(self.span, "How much of the run to show")
        self.log = QCheckBox("log")
        set_tip(self.log, "Logarithmic loss axis")
        self.earlier = QCheckBox("previous run")
        self.save_button = QPushButton("Save…")
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 2, 8, 0)
        for widget in (self.shown, self.span, self.log, self.earlier):
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(self.save_button)
        self.shown.currentChanged.connect(self.changed)
        self.span.currentIndexChanged.connect(self.changed)
        self.log.toggled.connect(self.changed)
        self.earlier.toggled.connect(self.changed)
        self.save_button.clicked.connect(self.ask)
        self.follow(None, None)

    def follow(self, history: History | None, earlier: History | None) -> None:
        """Offer what there is."""
        self.history = history
        self.shown.setVisible(has_gain(history))
        self.log.setVisible(not self.shows_gain)
        self.earlier.setEnabled(earlier is not None)
        set_tip(
            self.earlier,
            "Also show the validation curve of the previous run"
            if earlier
            else "No previous run in this window",
        )
        self.save_button.setEnabled(history is not None)
        set_tip(
            self.save_button,
            "Save the plot as an image, or the losses as a table" if history else "No run yet",
        )

    @property
    def shows_gain(self) -> bool:
        """Whether the SNR gain is shown, and no losses."""
        return has_gain(self.history) and self.shown.currentIndex() == GAIN

    @property
    def logarithmic(self) -> bool:
        """Whether the axis is: that of losses may be."""
        return self.log.isChecked() and not self.shows_gain

    def since(self, history: History) -> int:
        """Return the step the drawing begins at."""
        last = SPANS[self.span.currentText()]
        return history.epochs[-last - 1].step if 0 < last < len(history.epochs) else 0

    def ask(self) -> None:
        """Ask where to save, and save there."""
        chosen, kind = QFileDialog.getSaveFileName(self, "Save the losses", "losses.png", KINDS)
        if chosen:
            wanted = ".csv" if "csv" in kind else ".png"
            path = Path(chosen)
            self.save(path if path.suffix in {".png", ".csv"} else path.with_name(path.name + wanted))

    def save(self, path: Path) -> None:
        """Save a table where the name ends in ``.csv``, else a picture; a failure is reported in one line."""
        if self.history is None:
            return
        try:
            if path.suffix == ".csv":
                metrics.write(self.history, path)
                return
            with atomic_write(path, overwrite=True) as temporary:
                self._picture().save(str(temporary), "PNG")
        except CryodenError as error:
            show_problem(error)
