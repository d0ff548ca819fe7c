from __future__ import annotations

from typing import Any

import pytest

from cryoden.events.history import History
from cryoden.runs.folder import RunFolder
from napari_cryoden.jobs.training import TrainingJob
from tests.napari_cryoden import runs


@pytest.fixture
def denoise(docked: Any) -> Any:
    return docked("Denoise")[1]


def test_the_model_just_trained_is_offered(qtbot: Any, denoise: Any, viewer: Any, model: Any) -> None:
    run = TrainingJob.of(viewer)

    def trained() -> Any:
        yield from runs.events()

    with qtbot.waitSignal(run.ended):
        run.begin(trained, "starting")
        run.history, run.folder = History(), RunFolder(model.parent)
    assert denoise.model.path == model


def test_a_model_chosen_by_the_user_is_left_alone(
    qtbot: Any, denoise: Any, viewer: Any, model: Any, tmp_path: Any
) -> None:
    denoise.model.path = tmp_path / "mine.safetensors"
    run = TrainingJob.of(viewer)
    with qtbot.waitSignal(run.ended):
        run.begin(lambda: (event for event in runs.events()), "starting")
        run.history, run.folder = History(), RunFolder(model.parent)
    assert denoise.model.path == tmp_path / "mine.safetensors"
