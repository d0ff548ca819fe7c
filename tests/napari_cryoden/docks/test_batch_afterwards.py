from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cryoden.errors import SettingsError
from cryoden.settings.reading import ReadingSettings
from cryoden.settings.workers import WorkerSettings
from napari_cryoden.choices.kept import Kept
from napari_cryoden.docks.batch_afterwards import resume_run
from napari_cryoden.jobs.then_batch import ThenBatch
from tests.napari_cryoden import runs


@pytest.fixture
def train(docked: Any) -> Any:
    return docked("Train a denoiser")[1]


def test_a_batch_is_planned_where_it_is_wanted_and_whole(train: Any, grids: Path, tmp_path: Path) -> None:
    then = train.then
    then.micrographs.path = grids
    assert then.plan() is None
    then.wanted.setChecked(True)
    assert then.plan().micrographs == grids
    assert then.plan().output == tmp_path / "session_denoised"
    then.output.path = None
    assert "an output folder" in then.problem
    assert then.plan() is None


def test_the_settings_are_those_of_the_dock_batch(docked: Any, train: Any, grids: Path) -> None:
    batch = docked("Batch")[1]
    batch.form.fields["orientations"].value = 8
    batch.reading.fields["pixel_size"].value = 1.5
    batch.devices.setCurrentText("0,1")
    batch.halves.box.setCurrentIndex(1)
    train.then.wanted.setChecked(True)
    train.then.micrographs.path = grids
    plan = train.then.plan()
    assert plan.settings.orientations == 8
    assert plan.reading == ReadingSettings(pixel_size=1.5)
    assert plan.workers == WorkerSettings(devices="0,1")
    assert plan.halves == "each"


def test_settings_of_another_version_do_not_stop_a_batch(train: Any, viewer: Any, grids: Path) -> None:
    Kept.of(viewer).values["Batch: form"] = {"no_such_setting": 3, "orientations": 8}
    Kept.of(viewer).values["Batch: halves"] = 7
    train.then.wanted.setChecked(True)
    train.then.micrographs.path = grids
    assert train.then.plan().settings.orientations == 8
    assert train.then.plan().halves == "sum"


def test_settings_of_the_dock_batch_that_cannot_be_are_said_and_not_replaced(
    docked: Any, train: Any, grids: Path
) -> None:
    train.then.wanted.setChecked(True)
    train.then.micrographs.path = grids
    docked("Batch")[1].reading.fields["pixel_size"].value = 0.05
    assert "In the dock Batch: pixel_size = 0.05" in train.then.problem
    assert train.then.plan() is None


def test_no_run_begins_whose_batch_could_not(
    docked: Any, train: Any, grids: Path, notices: list[str], tmp_path: Path
) -> None:
    train.then.wanted.setChecked(True)
    train.then.micrographs.path = grids
    train.folder.path = tmp_path / "run"
    docked("Batch")[1].reading.fields["pixel_size"].value = 0.05
    train.train()
    assert "In the dock Batch: pixel_size" in notices[-1]
    assert not train.run.running


def test_the_choice_may_be_made_while_the_run_goes(qtbot: Any, train: Any, viewer: Any, grids: Path) -> None:
    train.run.begin(runs.endless, "starting")
    assert ThenBatch.of(viewer).plan is None
    train.then.wanted.setChecked(True)
    train.then.micrographs.path = grids
    planned = ThenBatch.of(viewer).plan
    assert planned is not None
    assert planned.micrographs == grids
    train.then.wanted.setChecked(False)
    assert ThenBatch.of(viewer).plan is None
    with qtbot.waitSignal(train.run.ended):
        train.run.stop()


def test_a_run_is_resumed_only_with_a_batch_that_can_be(
    docked: Any, train: Any, viewer: Any, grids: Path, tmp_path: Path
) -> None:
    train.then.wanted.setChecked(True)
    train.then.micrographs.path = grids
    Kept.of(viewer).values["Train: micrographs"] = str(tmp_path / "gone")
    with pytest.raises(SettingsError, match=r"S03 .*No such file or folder: .*gone"):
        resume_run(viewer, tmp_path / "run", force=False)
    Kept.of(viewer).values["Train: micrographs"] = str(grids)
    docked("Batch")[1].reading.fields["pixel_size"].value = 0.05
    with pytest.raises(SettingsError, match=r"In the dock Batch: pixel_size = 0\.05"):
        resume_run(viewer, tmp_path / "run", force=False)
    assert ThenBatch.of(viewer).plan is None
