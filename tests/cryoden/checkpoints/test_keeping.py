from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cryoden.events.training import CheckpointSaved, TrainingFinished, TrainingState
from cryoden.micrograph import HalfPair
from cryoden.runs.folder import RunFolder
from cryoden.workflows import train_model
from tests.cryoden.checkpoints.interrupted import begun, halves, last_state, settings
from tests.cryoden.scenes import scene


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return halves(tmp_path / "halves")


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """Let the system refuse larger files, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def saved(events: Any) -> CheckpointSaved:
    found = next(event for event in events if isinstance(event, CheckpointSaved))
    assert isinstance(found, CheckpointSaved)
    return found


def test_no_room_for_a_checkpoint_is_a_warning_and_the_one_before_is_kept(tmp_path: Path, data: Path) -> None:
    events = begun(data, tmp_path / "run")
    before = [saved(events), saved(events)][-1]
    with no_file_larger_than(20_000):
        failed = saved(events)
    assert failed.step == 2
    assert failed.warning.startswith(
        f"T20: no checkpoint of step 2; the run continues, {before.path.name} is kept"
    )
    assert "O02" in failed.warning
    assert last_state(tmp_path / "run").step == before.step
    assert not list((tmp_path / "run" / "checkpoints").glob(".*"))
    assert not saved(events).warning
    assert isinstance(list(events)[-1], TrainingFinished)


def test_no_room_at_the_first_checkpoint_is_a_warning_too(tmp_path: Path, data: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "checkpoints").symlink_to(tmp_path / "nowhere")
    with pytest.raises(Exception, match="O05"):  # it is no empty folder
        list(begun(data, tmp_path / "run"))
    (tmp_path / "run" / "checkpoints").unlink()
    events = begun(data, tmp_path / "run")
    for event in events:
        if type(event).__name__ == "TrainingStarted":
            (tmp_path / "run" / "checkpoints").write_text("in the way")
            break
    assert "there is none yet" in saved(events).warning
    assert isinstance(list(events)[-1], TrainingFinished)


def test_of_a_run_that_ended_the_last_state_stays(tmp_path: Path, data: Path) -> None:
    list(begun(data, tmp_path / "run"))
    kept = sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir())
    assert kept == ["data.json", "step-000000008.safetensors"]


def test_only_at_its_start_stop_and_end_where_no_minutes_are_set(tmp_path: Path, data: Path) -> None:
    events = list(begun(data, tmp_path / "run", checkpoint_minutes=0.0))
    assert [event.step for event in events if isinstance(event, CheckpointSaved)] == [0, 8]


def test_no_state_leaves_the_pipe(tmp_path: Path, data: Path) -> None:
    assert not any(isinstance(event, TrainingState) for event in begun(data, tmp_path / "run"))


def test_pixels_without_a_file_and_model_files_alone_have_no_checkpoints(tmp_path: Path) -> None:
    pairs = [HalfPair(scene(seed).even, scene(seed).odd) for seed in range(3)]
    for keep in (RunFolder(tmp_path / "run"), tmp_path / "m.safetensors"):
        events = list(train_model.train_halves(pairs, keep, settings()))
        assert not any(isinstance(event, CheckpointSaved) for event in events)
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_a_run_folder_that_is_removed_takes_its_checkpoints_along(tmp_path: Path, data: Path) -> None:
    list(begun(data, tmp_path / "run"))
    RunFolder(tmp_path / "run").remove()
    assert not (tmp_path / "run").exists()
