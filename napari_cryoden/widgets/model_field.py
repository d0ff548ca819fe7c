"""The model file to denoise with: the one last trained in this window, else the general one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cryoden.model.general import GENERAL
from napari_cryoden.jobs.training import TrainingJob
from napari_cryoden.paths import MODELS
from napari_cryoden.widgets.path_field import PathField


class ModelField(PathField):
    """Offers a model, and leaves one the user has chosen alone."""

    def __init__(self, viewer: Any) -> None:
        super().__init__("open", "Model", MODELS, "model file")
        self._run = TrainingJob.of(viewer)
        self._offered: Path | None = None
        self._run.changed.connect(self._offer)
        self._run.ended.connect(self._look_again)
        self._offer()

    @property
    def problem(self) -> str:
        """Why one cannot denoise with this yet; empty when one can."""
        if self.path is None:
            return "Choose a model file, or train a model"
        return "" if self.path.is_file() else f"No such model file: {self.path}"

    def _look_again(self, message: str) -> None:  # noqa: ARG002  a chosen file may be there by now
        self.changed.emit()

    def _offer(self) -> None:
        trained = self._run.model_file
        offered = trained if trained is not None and trained.is_file() else GENERAL
        if self.path in {None, self._offered} and self.path != offered:
            self._offered = self.path = offered
