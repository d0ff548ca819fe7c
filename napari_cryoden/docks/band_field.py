"""Which structures are shown of compared layers: a low-pass beside them, a high-pass of all."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QGridLayout, QWidget

from napari_cryoden.jobs.companions import USUAL, Band
from napari_cryoden.tool_tip import set_tip
from napari_cryoden.widgets.dock import status_label, weakly
from napari_cryoden.widgets.number_field import DecimalField

LOW = (
    "Show a low-pass filtered copy of the raw layer between raw and denoised: the simplest denoiser, which a "
    "result has to beat. Amplitudes fall to 1/2 at this resolution"
)
HIGH = (
    "Show all layers without what is coarser than this, such as gradients of ice thickness. For display "
    "only: copies are shown, which say so in their names"
)
GRADIENTS = 1000.0  # Å


class BandField(QWidget):
    """Two boxes to tick, each with a resolution, and a line on what is odd about them.

    Signals
    -------
    changed
        Another band was chosen.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.low_pass, self.high_pass = QCheckBox("Low-pass of the raw"), QCheckBox("High-pass")
        self.finest, self.coarsest = _resolution(USUAL, 2), _resolution(GRADIENTS, 50)
        self.doubt = status_label()
        self.doubt.setMinimumHeight(0)
        self._pixel_size: float | None = None
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        rows = ((self.low_pass, self.finest, LOW), (self.high_pass, self.coarsest, HIGH))
        for place, (box, field, use) in enumerate(rows):
            grid.addWidget(box, place, 0)
            grid.addWidget(field, place, 1)
            set_tip(box, use)
            set_tip(field, use)
            box.toggled.connect(weakly(self._choose))
            field.valueChanged.connect(weakly(self._choose))
        grid.addWidget(self.doubt, 2, 0, 1, 2)

    @property
    def band(self) -> Band:
        """What is chosen; nothing in particular where it is what would be chosen anyway."""
        low = self.finest.value() if self.low_pass.isChecked() else 0.0
        high = self.coarsest.value() if self.high_pass.isChecked() else 0.0
        return Band(None if low == Band().of(self._pixel_size).low_pass else low, high)

    def show_band(self, band: Band, pixel_size: float | None) -> None:
        """Show a band, for pixels of so many Å."""
        self._pixel_size = pixel_size
        chosen = band.of(pixel_size)
        was = self.blockSignals(True)
        for box, field, value in (
            (self.low_pass, self.finest, chosen.low_pass or 0.0),
            (self.high_pass, self.coarsest, chosen.high_pass),
        ):
            box.setChecked(value > 0)
            if value:
                field.setValue(value)
        self.blockSignals(was)
        self._follow()

    def _choose(self) -> None:
        self._follow()
        self.changed.emit()

    def _follow(self) -> None:
        self.finest.setEnabled(self.low_pass.isChecked())
        self.coarsest.setEnabled(self.high_pass.isChecked())
        is_any = self.low_pass.isChecked() or self.high_pass.isChecked()
        doubt = self.band.doubt(self._pixel_size) if is_any else ""
        self.doubt.setText(doubt)
        self.doubt.setVisible(bool(doubt))


def _resolution(usual: float, least: float) -> DecimalField:
    field = DecimalField()
    field.setRange(least, 5000)
    field.setDecimals(1)
    field.setSuffix(" Å")
    field.setValue(usual)
    field.setKeyboardTracking(False)  # a number counts when it is typed to its end
    return field
