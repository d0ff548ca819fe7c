"""What one epoch was worth, in a line below the plot: the verdict, and figures beside the loss."""

from __future__ import annotations

from qtpy.QtWidgets import QHBoxLayout, QLabel, QWidget

from cryoden.events.history import History, length
from cryoden.events.training import EpochFinished
from napari_cryoden.widgets.verdict_label import VerdictLabel

TIP = (
    "SNR: how much less the two denoised halves differ than the raw ones, beside the share of the signal "
    "that was lost or changed (B/S); Palovcak et al. 2020.\n"
    "FRC 1/7: the detail at which a denoised half ceases to agree with the other raw half, "
    "and where the raw halves do.\nPoint at an epoch in the plot to read its figures."
)


class Readout(QWidget):
    """The last epoch of a run, or the one pointed at."""

    def __init__(self) -> None:
        super().__init__()
        self.verdict = VerdictLabel()
        self.figures = QLabel()
        self.figures.setToolTip(TIP)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 0, 8, 4)
        row.addWidget(self.verdict, stretch=1)
        row.addWidget(self.figures)

    def show_epoch(self, history: History, epoch: EpochFinished | None = None) -> None:
        """Show this epoch; without one, how the run stands now."""
        self.verdict.show_verdict(epoch.verdict if epoch else history.verdict)
        shown = epoch or (history.epochs[-1] if history.epochs else None)
        self.figures.setText(_figures(history, shown) if shown else "")

    def set_theme(self, dark: bool) -> None:
        """Take the colors for a dark or a light background."""
        self.verdict.set_theme(dark)


def _figures(history: History, epoch: EpochFinished) -> str:
    of, pixel_size = epoch.quality, history.pixel_size
    parts = [f"epoch {epoch.epoch}: loss {epoch.validation_loss:.4f}", f"r {epoch.correlation:z.4f}"]
    if of.gain is not None and of.bias is not None:
        parts += [f"SNR {of.gain:+z.1f} dB", f"B/S {of.bias:.2f}"]
    frc, detail = f"FRC {of.frc:z.3f}", f"1/7 at {length(of.resolution, pixel_size)}"
    if history.started:
        raw = history.started.references
        frc, detail = f"{frc} (raw {raw.frc:z.3f})", f"{detail} ({length(raw.resolution, pixel_size)})"
    return " · ".join([*parts, frc, detail])
