from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cryoden.checkpoints.kept_checkpoints import Checkpoints
from cryoden.errors import RunError, TrainingError
from cryoden.events.training import TrainingState


def state(step: int) -> TrainingState:
    return TrainingState(step, {"engine/w": np.full(4, step, np.float32)}, {})


def steps(kept: Checkpoints) -> list[int]:
    return [int(path.stem.removeprefix("step-")) for path in kept.paths()]


def test_the_last_two_are_kept_and_nothing_else_is_there(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path / "c")
    for step in (0, 7, 1000, 1_000_000_007):
        kept.save(state(step))
    assert steps(kept) == [1_000_000_007, 1000]
    assert len(list((tmp_path / "c").iterdir())) == 2
    assert kept.newest()[0].step == 1_000_000_007


def test_after_a_damaged_one_the_whole_ones_are_kept(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path)
    kept.save(state(10))
    kept.save(state(20)).write_bytes(b"")
    again = Checkpoints(tmp_path)
    found, notes = again.newest()
    assert found.step == 10
    assert "step-000000020.safetensors — damaged" in notes[0]
    assert "The one of step 10 is used" in notes[0]
    again.known(10)
    again.save(state(15))
    assert steps(again) == [15, 10]  # whole, though 20 is later


def test_what_cannot_be_kept_costs_nothing_that_was(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path)
    kept.save(state(10))
    kept.save(state(20))
    with pytest.raises(TrainingError, match="T20"):
        kept.save(TrainingState(30, {"engine/w": np.full(4, np.inf, np.float32)}, {}))
    assert steps(kept) == [20, 10]
    assert len(list(tmp_path.iterdir())) == 2


def test_what_killed_processes_of_any_host_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".step-000000010.safetensors.deadbeef-77-00000000.part").write_bytes(b"half")
    Checkpoints(tmp_path).save(state(20))
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000020.safetensors"]


def test_a_folder_without_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"R04 .*no checkpoint"):
        Checkpoints(tmp_path / "nowhere").newest()
