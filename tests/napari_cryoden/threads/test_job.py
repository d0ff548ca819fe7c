from __future__ import annotations

from typing import Any

import pytest
from napari.utils.task_status import Status

from cryoden.errors import TrainingError
from napari_cryoden.jobs.training import TrainingJob
from tests.napari_cryoden import runs
from tests.napari_cryoden.runs import pairs, quick


def test_the_run_is_the_same_for_everybody_in_a_window(viewer: Any) -> None:
    assert TrainingJob.of(viewer) is TrainingJob.of(viewer)


def test_a_second_run_is_refused_in_words_and_the_first_goes_on(
    qtbot: Any, viewer: Any, tmp_path: Any
) -> None:
    run = TrainingJob.of(viewer)
    run.begin(runs.endless, "starting")
    with pytest.raises(TrainingError, match=r"G05 .*training is already running.*Stop it or wait"):
        run.train(pairs, tmp_path / "b", quick())
    assert run.running
    with qtbot.waitSignal(run.ended):
        run.stop()


def test_napari_knows_of_the_run_until_it_ends(qtbot: Any, viewer: Any) -> None:
    run, tasks = TrainingJob.of(viewer), viewer.window._task_status_manager
    run.begin(runs.endless, "starting")
    assert tasks.is_busy()
    assert tasks.get_status() == ["napari-cryoden: Training"]
    with qtbot.waitSignal(run.ended):
        run.stop()
    assert not tasks.is_busy()
    assert Status.COMPLETED in {task.state()[2] for task in tasks._tasks.values()}
