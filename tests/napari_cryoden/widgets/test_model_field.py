from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cryoden.events.history import History
from cryoden.events.training import EpochFinished, TrainingEvent
from cryoden.model.general import GENERAL
from cryoden.runs.folder import RunFolder
from cryoden.runs.keeper import kept_in
from napari_cryoden.jobs.training import TrainingJob
from tests.napari_cryoden import runs


@pytest.fixture(params=["Denoise", "Batch", "Evaluate"])
def field(request: pytest.FixtureRequest, docked: Any) -> Any:
    """The field of each dock that takes a model."""
    return docked(request.param)[1].model


@pytest.fixture
def trained(qtbot: Any, viewer: Any, tmp_path: Path) -> Callable[..., Path]:
    """Runs a training in the window's job that writes what these events say."""

    def train(events: Iterator[TrainingEvent]) -> Path:
        run, folder = TrainingJob.of(viewer), RunFolder(tmp_path / "run")
        with qtbot.waitSignal(run.ended):
            run.begin(lambda: (event for event in kept_in(folder, events)), "starting")
            run.history, run.folder = History(), folder
        assert folder.model.is_file()
        return folder.model

    return train


def bad_events() -> Iterator[TrainingEvent]:
    """A run whose best epoch is worse than predicting a constant."""
    yield runs.started()
    first = runs.epoch(0, 1.4)
    yield first
    for number in range(1, 11):
        yield runs.step(number)
    yield runs.epoch(1, 1.2, best=True, before=[first])


def slow_events() -> Iterator[TrainingEvent]:
    """A run whose best epoch is no better than a Wiener filter yet."""
    for event in bad_events():
        told = isinstance(event, EpochFinished) and event.epoch == 1
        yield runs.epoch(1, 0.995, best=True, before=[runs.epoch(0, 1.4)]) if told else event


def test_a_model_that_is_good_to_use_is_offered_with_its_verdict(field: Any, trained: Any) -> None:
    model = trained(runs.events())
    assert field.path == model
    assert "good to use" in field.verdict.text()


@pytest.mark.parametrize(
    ("events", "words"), [(bad_events, "Worse than a blank image"), (slow_events, "Not yet better than")]
)
def test_another_is_not_offered_and_says_why_when_it_is_chosen(
    field: Any, trained: Any, events: Any, words: str
) -> None:
    before = field.path
    model = trained(events())
    assert field.path == before != model
    field.path = model
    assert words in field.verdict.text()
    assert field.verdict.isVisible()


def test_a_good_model_of_an_earlier_run_stays_offered(
    qtbot: Any, viewer: Any, docked: Any, trained: Any, tmp_path: Path
) -> None:
    good = trained(runs.events())
    run, second = TrainingJob.of(viewer), RunFolder(tmp_path / "second")
    with qtbot.waitSignal(run.ended):
        run.begin(lambda: (event for event in kept_in(second, bad_events())), "starting")
        run.history, run.folder = History(), second
    assert run.model_file == second.model
    assert docked("Denoise")[1].model.path == good


def test_without_a_run_the_general_model_is_offered_and_named(docked: Any) -> None:
    field = docked("Denoise")[1].model
    assert field.path == GENERAL
    assert "General model" in field.verdict.text()


def test_a_model_chosen_by_the_user_is_left_alone(field: Any, trained: Any, tmp_path: Path) -> None:
    field.path = tmp_path / "mine.safetensors"
    trained(runs.events())
    assert field.path == tmp_path / "mine.safetensors"
    assert not field.verdict.isVisible()
