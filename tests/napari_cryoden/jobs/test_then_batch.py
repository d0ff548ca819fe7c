from __future__ import annotations

import shutil
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cryoden.events.history import History
from cryoden.events.training import TrainingEvent, TrainingFinished
from cryoden.runs.folder import RunFolder
from cryoden.settings.denoising import DenoisingSettings
from cryoden.training.preview_request import RunControl
from napari_cryoden.jobs.batch import BatchJob
from napari_cryoden.jobs.then_batch import BatchPlan, ThenBatch
from napari_cryoden.jobs.training import TrainingJob
from tests.napari_cryoden import runs
from tests.napari_cryoden.grids import ALL, made


@pytest.fixture
def plan(viewer: Any, grids: Path, tmp_path: Path) -> Any:
    then = ThenBatch.of(viewer)
    then.plan = BatchPlan(grids, tmp_path / "out", DenoisingSettings(device="cpu"))
    return then


def trained(qtbot: Any, viewer: Any, folder: Path, model: Path, *losses: float) -> TrainingJob:
    """A run that reports these losses, and has saved a model where they get better."""
    run = TrainingJob.of(viewer)
    folder.mkdir()
    shutil.copy(model, RunFolder(folder).model)
    epochs = [runs.epoch(number, loss, best=number > 0) for number, loss in enumerate(losses)]
    ended = TrainingFinished("completed", "Done.", len(epochs), 1, losses[-1], 1.0)
    with qtbot.waitSignal(run.ended):
        run.begin(lambda: iter_events([runs.started(), *epochs, ended]), "starting")
        run._start_history(RunFolder(folder), RunControl(run.previews), None)
    return run


def iter_events(events: Sequence[TrainingEvent]) -> Generator[TrainingEvent, None, None]:
    yield from events


def test_a_batch_begins_by_itself_with_the_model_of_the_run(
    qtbot: Any, viewer: Any, plan: Any, tmp_path: Path, model: Path
) -> None:
    batch = BatchJob.of(viewer)
    plan.plan = replace(plan.plan, halves="each")
    with qtbot.waitSignal(batch.ended):
        run = trained(qtbot, viewer, tmp_path / "run", model, 0.99, 0.986)
        assert "Its batch has begun: session" in run.status
        assert batch.halves == "each"
    assert made(tmp_path / "out") == ALL
    assert batch._made_with["model"] == str(tmp_path / "run" / "model.safetensors")
    assert plan.plan is None  # another run has no batch


@pytest.mark.usefixtures("plan")
@pytest.mark.parametrize(
    ("losses", "why"),
    [
        ((0.99,), "No batch was started: there is no new model."),
        ((0.99, 1.9), "Worse than a blank image: do not use."),
    ],
)
def test_no_batch_begins_without_a_model_of_use(
    qtbot: Any, viewer: Any, tmp_path: Path, model: Path, losses: tuple[float, ...], why: str
) -> None:
    run = trained(qtbot, viewer, tmp_path / "run", model, *losses)
    assert not BatchJob.of(viewer).running
    assert run.status.endswith(why)
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("plan")
def test_no_batch_begins_after_a_run_that_was_stopped(qtbot: Any, viewer: Any, tmp_path: Path) -> None:
    run = TrainingJob.of(viewer)
    run.begin(runs.endless, "starting")
    run.history = History()
    with qtbot.waitSignal(run.ended):
        run.stop()
    assert run.status.endswith("No batch was started: the training was stopped.")
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("plan")
def test_a_batch_that_cannot_begin_is_said(
    qtbot: Any, viewer: Any, tmp_path: Path, model: Path, grids: Path
) -> None:
    batch = BatchJob.of(viewer)
    with qtbot.waitSignal(batch.ended):
        batch.denoise(grids, tmp_path / "first", model, DenoisingSettings(device="cpu"))
        batch.pause(on=True)
        run = trained(qtbot, viewer, tmp_path / "run", model, 0.99, 0.986)
        assert "No batch was started: denoising a batch is already running" in run.status
        batch.stop()
