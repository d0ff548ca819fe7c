"""In the dock "Train": what to denoise when the training has ended."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from cryoden.errors import CryodenError, SettingsError
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.fields import fields_of
from cryoden.settings.reading import ReadingSettings
from cryoden.settings.workers import WorkerSettings
from napari_cryoden.choices.halves_choice import CHOICES
from napari_cryoden.choices.kept import Kept, keep
from napari_cryoden.choices.workers import workers_of
from napari_cryoden.docks.batch import INPUTS
from napari_cryoden.jobs.batch import SUM
from napari_cryoden.jobs.then_batch import BatchPlan, ThenBatch
from napari_cryoden.jobs.training import TrainingJob
from napari_cryoden.preferences import preferences
from napari_cryoden.tool_tip import set_tip
from napari_cryoden.widgets.path_field import PathField, forget_output, propose_output


class BatchAfterwards(QWidget):
    """A check box, and the folders of a batch.

    Signals
    -------
    changed
        Another batch is wanted, or none.
    """

    changed = Signal()

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self.wanted = QCheckBox("Denoise a folder when training ends")
        self.micrographs = PathField(
            "either", "Folder of micrographs, or a STAR file", INPUTS, "a folder, or a STAR file", recent=True
        )
        self.output = PathField("folder", "Output folder of the batch", placeholder="output folder")
        self._proposed: Path | None = None
        set_tip(
            self.wanted,
            "Starts by itself, with the new model and the settings of the dock Batch; not where the "
            "training was stopped, or the model is of no use",
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for part in (self.wanted, self.micrographs, self.output):
            column.addWidget(part)
        self._unfold(on=False)
        self.wanted.toggled.connect(self._unfold)
        self.micrographs.chosen.connect(self._propose)
        for signal in (self.wanted.toggled, self.micrographs.changed, self.output.changed):
            signal.connect(self.changed)
        keep(viewer, "Train", micrographs=self.micrographs, output=self.output, then=self.wanted)
        forget_output(self.micrographs, self.output)

    @property
    def problem(self) -> str:
        """Why no batch could begin; empty where one can, or none is wanted."""
        if not self.wanted.isChecked():
            return ""
        try:
            planned(self._viewer, self.micrographs.path, self.output.path)
        except CryodenError as error:
            return error.problem
        return ""

    def plan(self) -> BatchPlan | None:
        """Return what is to be done, with the settings of the dock *Batch*."""
        if not self.wanted.isChecked() or self.problem:
            return None
        return planned(self._viewer, self.micrographs.path, self.output.path)

    def _unfold(self, on: bool) -> None:
        for part in (self.micrographs, self.output):
            part.setVisible(on)

    def _propose(self) -> None:
        self._proposed = propose_output(self.micrographs, self.output, self._proposed)


def resume_run(viewer: Any, folder: Path, *, force: bool) -> None:
    """Resume a run; when it ends comes the batch that was chosen in the dock *Train*, open or not.

    Raises
    ------
    CryodenError
        As `TrainingJob.resume` and `planned`; then nothing is begun.
    """
    plan = _kept_plan(viewer)
    TrainingJob.of(viewer).resume(folder, force=force)
    ThenBatch.of(viewer).plan = plan


def planned(viewer: Any, micrographs: Path | None, output: Path | None) -> BatchPlan:
    """Return what is to be done when a training ends, as the dock *Batch* would do it.

    Raises
    ------
    SettingsError
        S03 for folders that are not chosen or not there, and for settings of that dock that cannot be.
    """
    if micrographs is None or output is None:
        raise SettingsError("S03", None, "Choose what to denoise when training ends, and an output folder")
    if not micrographs.exists():
        raise SettingsError("S03", None, f"No such file or folder: {micrographs}")
    try:
        return BatchPlan(micrographs, output, **_how(viewer))
    except CryodenError as error:
        raise SettingsError(error.code, None, f"In the dock Batch: {error.problem}", fix=error.fix) from error


def _kept_plan(viewer: Any) -> BatchPlan | None:
    values = Kept.of(viewer).values
    if not values.get("Train: then"):
        return None
    micrographs, output = (values.get(f"Train: {one}") for one in ("micrographs", "output"))
    return planned(viewer, Path(micrographs) if micrographs else None, Path(output) if output else None)


def _how(viewer: Any) -> dict[str, Any]:
    """Return how the dock *Batch* would do it; raises `SettingsError` for a value that cannot be."""
    values = Kept.of(viewer).values
    form = {"device": preferences().device} | _known(DenoisingSettings, values.get("Batch: form"))
    devices, halves = values.get("Batch: devices"), values.get("Batch: halves")
    return {
        "settings": DenoisingSettings(**form),
        "reading": ReadingSettings(**_known(ReadingSettings, values.get("Batch: reading"))),
        "workers": workers_of(devices) if isinstance(devices, str) else WorkerSettings(),
        "halves": CHOICES[halves][0] if isinstance(halves, int) and 0 <= halves < len(CHOICES) else SUM,
    }


def _known(kind: type, values: Any) -> dict[str, Any]:
    """Return the values that are settings, as another version may have had others."""
    known = fields_of(kind)
    return {name: values[name] for name in known if name in values} if isinstance(values, Mapping) else {}
