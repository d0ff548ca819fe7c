"""A run on disk: a folder that records at any moment what the run is and how far it has come.

``run.json`` holds what stays true, the best and the last epoch, and how it ended; ``metrics.csv``
every step and epoch; ``model.safetensors`` the best model; ``loss.png`` and ``report.html`` are
drawn at the end. A claim keeps a second run out of the folder; `cryoden.runs.keeper` fills it.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryoden.io.claim import Claim
from cryoden.model.checkpoint import OF_A_RUN
from cryoden.runs.reservation import reserve
from cryoden.settings.baseline import BaselineSettings
from cryoden.settings.training import TrainingSettings

FORMAT = "cryoden-run-1"
KINDS: dict[type, str] = {TrainingSettings: "training", BaselineSettings: "baseline"}  # by words that stay


@dataclass(frozen=True)
class RunFolder:
    """Where a run keeps what.

    Parameters
    ----------
    path : Path
        The folder.
    """

    path: Path

    @property
    def record(self) -> Path:
        """What the run is, and how it stands."""
        return self.path / "run.json"

    @property
    def metrics(self) -> Path:
        """Losses of all steps and epochs; see `cryoden.runs.metrics`."""
        return self.path / "metrics.csv"

    @property
    def model(self) -> Path:
        """The model of the best epoch."""
        return self.path / OF_A_RUN

    @property
    def plot(self) -> Path:
        """The losses as a picture."""
        return self.path / "loss.png"

    @property
    def report(self) -> Path:
        """The run as a page to read."""
        return self.path / "report.html"

    @property
    def text(self) -> Path:
        """The same as Markdown."""
        return self.path / "report.md"

    @property
    def denoised(self) -> Path:
        """A region of a validation micrograph, raw and denoised, as a picture; of training."""
        return self.path / "denoised.png"

    @property
    def pairs(self) -> Path:
        """A few held-out pairs and the output, as a picture; of the experiment."""
        return self.path / "pairs.png"

    @property
    def data(self) -> Path:
        """What was found when the pairs were looked at; of the experiment."""
        return self.path / "data.json"

    @property
    def evaluation(self) -> Path:
        """How good the output is, measured beside simple filters; of the experiment."""
        return self.path / "evaluation.json"

    @property
    def checkpoints(self) -> Path:
        """A folder with what the run is resumed from; see `cryoden.checkpoints`."""
        return self.path / "checkpoints"

    @property
    def heartbeat(self) -> Path:
        """What is touched while the run lives; see `cryoden.runs.reservation.Heartbeat`."""
        return self.path / "heartbeat"

    def files(self) -> tuple[Path, ...]:
        """Return everything a run may have put here."""
        own = self.record, self.metrics, self.model, self.plot, self.report, self.text
        return (*own, self.denoised, self.pairs, self.data, self.evaluation, self.heartbeat)

    def leads_out(self, file: Path) -> bool:
        """Tell whether a file of the folder is a link to one elsewhere, which may be anybody's."""
        return not Path(os.path.realpath(file)).is_relative_to(os.path.realpath(self.path))

    def reserve(self) -> Claim:
        """Make the folder, or take over one that holds nothing; see `cryoden.runs.reservation.reserve`."""
        return reserve(self.path, self.record)

    def remove(self) -> None:
        """Remove what a run has put here, and the folder when nothing else is in it."""
        for file in self.files():
            file.unlink(missing_ok=True)
        shutil.rmtree(self.checkpoints, ignore_errors=True)
        with suppress(OSError):
            self.path.rmdir()
