"""A batch that begins by itself when the window's training has ended with a model."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryoden.dataset.half_sums import Halves
from cryoden.errors import CryodenError
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.reading import ReadingSettings
from cryoden.settings.workers import WorkerSettings
from napari_cryoden.jobs.batch import SUM, BatchJob
from napari_cryoden.jobs.training import TrainingJob
from napari_cryoden.window import OfWindow, main_window

NOT = "No batch was started"


@dataclass(frozen=True)
class BatchPlan:
    """What to denoise into which folder, and how."""

    micrographs: Path
    output: Path
    settings: DenoisingSettings = field(default_factory=DenoisingSettings)
    reading: ReadingSettings = field(default_factory=ReadingSettings)
    workers: WorkerSettings = field(default_factory=WorkerSettings)
    halves: Halves = SUM


class ThenBatch(OfWindow):
    """Lives as long as the window, as the run does that it waits for.

    Attributes
    ----------
    plan : BatchPlan or None
        What is done after the current run; ``None`` for nothing.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__(main_window(viewer))
        self.plan: BatchPlan | None = None
        self.run, self.batch = TrainingJob.of(viewer), BatchJob.of(viewer)
        self.run.ended.connect(self._ended)

    def _ended(self, message: str) -> None:
        plan, self.plan = self.plan, None
        if plan is None or self.run.closing:
            return
        words = self._why_not() or self._begin(plan)
        self.run.status = f"{message.rstrip('.')}. {words}"
        self.run.changed.emit()

    def _why_not(self) -> str:
        if self.run.state != "finished":
            return f"{NOT}: the training was {self.run.state}."
        history = self.run.history
        best = history.best if history is not None else None
        if not self.run.saved or best is None:
            return f"{NOT}: there is no new model."
        return f"{NOT}. {best.verdict.words}." if best.verdict.level == "bad" else ""

    def _begin(self, plan: BatchPlan) -> str:
        model = self.run.model_file
        assert model is not None  # noqa: S101  it was saved
        try:
            self.batch.workers, self.batch.halves = plan.workers, plan.halves
            self.batch.denoise(plan.micrographs, plan.output, model, plan.settings, reading=plan.reading)
        except CryodenError as error:
            self.batch.refuse(error)
            return f"{NOT}: {error.problem}."
        return f"Its batch has begun: {plan.micrographs.name}"
