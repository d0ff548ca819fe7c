"""The model file to denoise with: one trained in this window that is good to use, else the general one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari.utils.theme import get_theme

from cryoden.events.quality import TrainingStatus
from cryoden.model.general import GENERAL
from cryoden.model.verdict import verdict_of
from napari_cryoden.jobs.training import TrainingJob
from napari_cryoden.paths import MODELS
from napari_cryoden.widgets.path_field import PathField
from napari_cryoden.widgets.verdict_label import VerdictLabel
from napari_cryoden.window import plain

AT_HAND = TrainingStatus("wait", "General model, trained on simulated exposures")


class ModelField(PathField):
    """Offers a model, leaves one the user has chosen alone, and shows what validation said of it.

    Parameters
    ----------
    viewer : Viewer
        Whose run is followed.
    general : bool
        Whether the general model is offered where no better one is; else nothing is.
    """

    def __init__(self, viewer: Any, general: bool = True) -> None:
        super().__init__("open", "Model", MODELS, "model file" if general else "none")
        self._viewer, self._run = plain(viewer), TrainingJob.of(viewer)
        self._else = GENERAL if general else None
        self._offered: Path | None = None
        self.verdict = VerdictLabel()
        self.column.addWidget(self.verdict)
        self.changed.connect(self._assess)
        self._run.changed.connect(self._offer)
        self._run.ended.connect(self._look_again)
        self._viewer.events.theme.connect(self._take_theme)
        self._take_theme()
        self._offer()

    @property
    def problem(self) -> str:
        """Why one cannot denoise with this yet; empty when one can."""
        if self.path is None:
            return "Choose a model file, or train a model"
        return "" if self.path.is_file() else f"No such model file: {self.path}"

    @property
    def own(self) -> Path | None:
        """What the user has chosen, ``None`` where that was left to the field."""
        return None if self.path == self._offered else self.path

    def _look_again(self, message: str) -> None:  # noqa: ARG002  a chosen file may be there by now
        self.changed.emit()

    def _offer(self) -> None:
        offered = self._run.good_model or self._else
        if self.path in {None, self._offered} and self.path != offered:
            self._offered = self.path = offered

    def _assess(self) -> None:
        found = AT_HAND if self.path == GENERAL else verdict_of(self.path) if self.path else None
        self.verdict.show_verdict(found)
        self.verdict.setVisible(found is not None)

    def _take_theme(self, event: Any = None) -> None:  # noqa: ARG002  napari passes its event
        self.verdict.set_theme(get_theme(self._viewer.theme).type == "dark")
