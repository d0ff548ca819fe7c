"""What a run's folder holds while it runs, and how it continues where a state was taken."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cryoden.errors import RunError
from cryoden.events.training import Resumed, StepFinished, TrainingEvent, TrainingState
from cryoden.runs.folder import RunFolder
from cryoden.runs.keeper import Earlier, kept_in
from cryoden.runs.record import read
from cryoden.runs.report import finished
from tests.napari_cryoden import runs

STATE = TrainingState(12, {"engine/w": np.zeros(2, np.float32)}, {})


def with_a_state() -> Iterator[TrainingEvent]:
    """A run whose state is taken after twelve steps, and that goes on for eight."""
    yield runs.started()
    yield runs.epoch(0, 1.4)
    yield from map(runs.step, range(1, 11))
    yield runs.epoch(1, 0.99, best=True)
    yield from map(runs.step, range(11, 13))
    yield STATE
    yield from map(runs.step, range(13, 21))
    yield runs.epoch(2, 0.98, best=True)


def resumed() -> Iterator[TrainingEvent]:
    yield runs.started()
    first, best = runs.epoch(0, 1.4), runs.epoch(1, 0.99, best=True)
    yield Resumed(12, 1.2, (first, best), best)
    yield runs.step(13)


@pytest.fixture
def left(tmp_path: Path) -> tuple[RunFolder, TrainingState]:
    """The folder of a run that ended eight steps after its state was taken, and that state."""
    folder = RunFolder(tmp_path / "run")
    (state,) = [event for event in kept_in(folder, with_a_state()) if isinstance(event, TrainingState)]
    return folder, state


def lines(folder: RunFolder) -> int:
    return len(folder.metrics.read_text().splitlines())


def earlier(folder: RunFolder, state: TrainingState) -> Earlier:
    return Earlier.of(read(folder.path).about, state, ("a note",))


def test_a_state_says_what_the_folder_held_when_it_was_taken(left: tuple[RunFolder, TrainingState]) -> None:
    folder, state = left
    assert state.values["run"]["about"]["steps"] == 12
    assert state.values["run"]["about"]["best"]["epoch"] == 1
    assert lines(folder) == 1 + 20 + 3
    assert len(folder.metrics.read_bytes()[: state.values["run"]["metrics"]].splitlines()) == 1 + 12 + 2
    assert state.values["run"]["environment"]["device"] == "CPU"


def test_a_resumed_run_goes_on_where_its_state_was_taken(left: tuple[RunFolder, TrainingState]) -> None:
    folder, state = left
    began = read(folder.path).began
    events = list(kept_in(folder, resumed(), earlier=earlier(folder, state)))
    assert lines(folder) == 1 + 12 + 2 + 1
    record = read(folder.path)
    assert record.began == began
    assert record.figure("best", "epoch") == 1
    assert record.about["steps"] == 13
    assert [one["step"] for one in record.about["resumed"]] == [12]
    assert record.about["resumed"][0]["notes"] == ["a note"]
    (again,) = [event for event in events if isinstance(event, Resumed)]
    assert [one.step for one in again.past] == [0, *range(1, 11), 10, 11, 12]
    assert again.notes == ("a note",)


def test_the_model_of_the_state_takes_the_place_of_a_later_one(left: tuple[RunFolder, TrainingState]) -> None:
    folder, state = left
    assert json.loads(_about(folder))["provenance"]["best_epoch"] == 2
    events: Any = kept_in(folder, resumed(), earlier=earlier(folder, state))
    with closing(events):
        assert any(isinstance(event, Resumed) for event in events)  # and no further: it may be killed then
        assert json.loads(_about(folder))["provenance"]["best_epoch"] == 1


def _about(folder: RunFolder) -> str:
    from safetensors import safe_open  # noqa: PLC0415  of this test alone

    with safe_open(folder.model, framework="numpy") as file:
        return str(file.metadata()["cryoden"])


def test_another_machine_is_said_and_recorded(left: tuple[RunFolder, TrainingState]) -> None:
    folder, state = left
    before = earlier(folder, state)
    about: Any = {**before.about, "versions": {**before.about["versions"], "torch": "1.0"}}
    events = kept_in(folder, resumed(), earlier=Earlier(about, before.metrics))
    (again,) = [event for event in events if isinstance(event, Resumed)]
    assert again.notes[0].startswith("not bit-identical to a run without interruption: torch 1.0 then, ")


def test_nothing_changes_before_a_run_continues(left: tuple[RunFolder, TrainingState]) -> None:
    folder, state = left

    def failing() -> Iterator[TrainingEvent]:
        yield runs.started()
        raise ValueError("no memory")

    before = {path.name: path.read_bytes() for path in folder.path.iterdir()}
    with pytest.raises(ValueError, match="no memory"):
        list(kept_in(folder, failing(), earlier=earlier(folder, state)))
    assert {path.name: path.read_bytes() for path in folder.path.iterdir()} == before


def test_two_cannot_resume_one_run(left: tuple[RunFolder, TrainingState]) -> None:
    folder, state = left
    before = earlier(folder, state)
    first: Any = kept_in(folder, resumed(), earlier=before)
    with closing(first):
        next(first)
        with pytest.raises(RunError, match=r"R05 .*is running: process \d+ on "):
            next(iter(kept_in(folder, resumed(), earlier=before)))
    next(iter(kept_in(folder, resumed(), earlier=before)))


def take_over(folder: RunFolder, *, has_ended: bool = False) -> dict[Path, bytes]:
    """Put there what another process leaves that has resumed the run; return all that is there."""
    about = json.loads(folder.record.read_text())
    elsewhere = {"pid": 1, "host": "node17", "machine": "another", "created": 0.0}
    folder.record.write_text(json.dumps(about | {"process": elsewhere, "message": "of the other"}))
    folder.model.write_bytes(b"of the other")
    folder.heartbeat.unlink() if has_ended else folder.heartbeat.write_text("of the other")
    return contents(folder)


def contents(folder: RunFolder) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.path.iterdir() if not path.name.startswith(".")}


@pytest.mark.parametrize("has_ended", [False, True])
@pytest.mark.parametrize("steps", [11, 13])  # a state is due next, or an epoch
def test_a_run_that_another_process_has_taken_over_ends_in_words_and_changes_nothing(
    tmp_path: Path, steps: int, has_ended: bool
) -> None:
    folder = RunFolder(tmp_path / "run")
    events: Any = finished(folder, kept_in(folder, with_a_state()))
    next(event for event in events if isinstance(event, StepFinished) and event.step == steps)
    left = take_over(folder, has_ended=has_ended)
    with pytest.raises(RunError, match=r"R05 .*another process has resumed it meanwhile"):
        list(events)
    assert contents(folder) == left


def test_a_run_that_is_stopped_once_another_process_has_it_changes_nothing(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    events: Any = kept_in(folder, with_a_state())
    with closing(events):
        next(event for event in events if isinstance(event, StepFinished) and event.step == 13)
        left = take_over(folder)
    assert contents(folder) == left
