"""What one epoch was worth, in a line below the plot: the verdict, and figures beside the loss."""

from __future__ import annotations

from qtpy.QtWidgets import QHBoxLayout, QLabel, QWidget

from cryoden.events.history import History, length
from cryoden.events.snr_gain import SNR_GAIN, TITLE, gain_of, in_db, reference_gains
from cryoden.events.training import EpochFinished
from napari_cryoden.tool_tip import set_tip
from napari_cryoden.widgets.verdict_label import VerdictLabel

TIP = (
    f"{TITLE}: {SNR_GAIN[0].lower()}{SNR_GAIN[1:]}\n"
    "CC: correlation of a denoised half with the other raw half, over all frequencies.\n"
    "B/S: fraction of the signal lost or changed (Palovcak et al. 2020).\n"
    "FRC 0.143: resolution at which the FRC of a "
    "denoised half with the other raw half falls below 1/7.\nPoint at an epoch in the plot to see "
    "its numbers."
)


class Readout(QWidget):
    """The last epoch of a run, or the one pointed at."""

    def __init__(self) -> None:
        super().__init__()
        self.verdict = VerdictLabel()
        self.figures = QLabel()
        set_tip(self.figures, TIP)
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
    parts = [_gain(history, epoch), f"loss {epoch.validation_loss:.4f}", f"CC {epoch.correlation:z.4f}"]
    if of.bias is not None:
        parts.append(f"B/S {of.bias:.2f}")
    detail = f"FRC 0.143 at {length(of.resolution, pixel_size)}"
    if history.started:
        detail = f"{detail} (raw {length(history.started.references.resolution, pixel_size)})"
    return f"epoch {epoch.epoch}: {' · '.join(filter(None, [*parts, detail]))}"


def _gain(history: History, epoch: EpochFinished) -> str:
    """Return the SNR gain beside that of the Wiener filter; nothing for a run without one."""
    known = history.started.references if history.started else None
    if known is None or known.band is None:
        return ""
    filtered = reference_gains(known).get("linear")
    return f"{TITLE} {in_db(gain_of(known, epoch.quality))} (Wiener filter {in_db(filtered)})"
