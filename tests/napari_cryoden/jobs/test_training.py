from __future__ import annotations

import threading
from typing import Any

import pytest
import torch

from cryoden.events.history import History
from cryoden.model import checkpoint
from cryoden.runs.record import read
from cryoden.settings.training import TrainingSettings
from napari_cryoden.jobs.training import TrainingJob
from napari_cryoden.threads import job
from tests.napari_cryoden import runs
from tests.napari_cryoden.patience import SECONDS
from tests.napari_cryoden.runs import pairs, quick

# The general model is hardly bettered by a single step.
SOON_BETTER = TrainingSettings(
    minutes=60, steps_per_epoch=1, batch=1, patch=64, start_from="scratch", network="unet"
)


def test_a_run_trains_and_leaves_a_model_that_loads(qtbot: Any, viewer: Any, tmp_path: Any) -> None:
    run, target = TrainingJob.of(viewer), tmp_path / "run"
    with qtbot.waitSignal(run.ended) as ended:
        run.train(pairs, target, quick(learning_rate=1e-4))
    assert not run.running
    assert run.progress == 1
    assert run.history is not None
    assert run.history.finished is not None
    assert (target / "model.safetensors").exists() == (run.model_file is not None)
    if run.model_file is None:  # one epoch need not be better than the start
        assert ended.args[0] == "Done. No epoch was better than the starting model: no model was saved."
    else:
        assert checkpoint.load(target / "model.safetensors").network == "baseline"
        assert str(target) in ended.args[0]


@pytest.mark.usefixtures("step_by_step")
def test_stopping_keeps_the_best_model_and_says_where(qtbot: Any, viewer: Any, tmp_path: Any) -> None:
    run, target = TrainingJob.of(viewer), tmp_path / "run"
    run.train(pairs, target, SOON_BETTER)
    qtbot.waitUntil(lambda: run.model_file is not None)
    with qtbot.waitSignal(run.ended) as ended:
        run.stop()
        run.stop()
    assert ended.args[0].startswith("Stopped. Model of epoch ")
    assert str(target) in ended.args[0]
    assert checkpoint.load(target / "model.safetensors").network == "unet"


def test_a_stop_in_the_first_epoch_keeps_what_was_learned(qtbot: Any, viewer: Any, tmp_path: Any) -> None:
    run, target = TrainingJob.of(viewer), tmp_path / "run"
    run.train(pairs, target, TrainingSettings(minutes=60, steps_per_epoch=100_000, batch=1, patch=64))
    qtbot.waitUntil(lambda: run.history is not None and run.history.last is not None)
    with qtbot.waitSignal(run.ended) as ended:
        run.stop()
        run.stop()
    assert (ended.args[0][:26], run.state) == ("Stopped. Model of epoch 1 ", "stopped")
    assert run.model_file == target / "model.safetensors"
    assert checkpoint.load(target / "model.safetensors").provenance["best_epoch"] == 1


@pytest.fixture(params=[(SECONDS, "Stopped. Model of epoch 1 "), (0, "will be in ")])
def patience_of_a_window(request: Any, monkeypatch: Any) -> Any:
    """How long it waits for its work at its end, and what is said then."""
    monkeypatch.setattr(job, "STOP_SECONDS", request.param[0])
    return request.param[1]


def test_a_window_closed_in_the_first_epoch_keeps_what_was_learned(
    qtbot: Any, viewer: Any, tmp_path: Any, caplog: Any, patience_of_a_window: str
) -> None:
    run, target = TrainingJob.of(viewer), tmp_path / "run"
    run.train(pairs, target, TrainingSettings(minutes=60, steps_per_epoch=100_000, batch=1, patch=64))
    qtbot.waitUntil(lambda: run.history is not None and run.history.last is not None)
    run.pause(True)
    viewer.close()
    for thread in [one for one in threading.enumerate() if one.name == "cryoden-worker"]:
        thread.join(SECONDS)
    assert checkpoint.load(target / "model.safetensors").provenance["best_epoch"] == 1
    assert read(target).state == "stopped"
    assert patience_of_a_window in caplog.text
    assert str(target) in caplog.text


def test_going_on_to_something_worse_names_the_model_that_is_better(
    qtbot: Any, viewer: Any, tmp_path: Any, model: Any
) -> None:
    run, target = TrainingJob.of(viewer), tmp_path / "worse"
    settings = TrainingSettings(
        optimizer="sgd", learning_rate=10, epochs=1, steps_per_epoch=20, batch=1, patch=64
    )
    with qtbot.waitSignal(run.ended) as ended:
        run.train(pairs, target, settings, model)
    assert ended.args[0].endswith(
        f"No epoch was better than the starting model, {model.name}: no model was saved."
    )
    assert run.model_file is None
    assert not (target / "model.safetensors").exists()


def test_a_run_stopped_in_its_first_epoch_says_so(qtbot: Any, viewer: Any) -> None:
    def first_epoch() -> Any:
        yield runs.started()
        yield runs.epoch(0, 1.4)
        while True:
            yield runs.step(1)

    run = TrainingJob.of(viewer)
    run.begin(first_epoch, "starting")
    run.history = History()
    qtbot.waitUntil(lambda: run.history.last is not None)
    with qtbot.waitSignal(run.ended) as ended:
        run.stop()
    assert ended.args[0] == "Stopped. No epoch was completed: no model was saved."


def test_a_failed_run_leaves_an_older_model_and_its_name(qtbot: Any, viewer: Any, tmp_path: Any) -> None:
    run = TrainingJob.of(viewer)
    run.model_file = older = tmp_path / "older.safetensors"

    def broken() -> Any:
        yield runs.started()
        raise RuntimeError("CUDA out of memory")

    with qtbot.waitSignals([run.failed, run.ended]):
        run.begin(broken, "starting")
    assert run.status.startswith("T06")
    assert run.model_file == older
    assert not run.running


def test_an_existing_folder_is_left_alone(qtbot: Any, viewer: Any, tmp_path: Any) -> None:
    run, target = TrainingJob.of(viewer), tmp_path / "good"
    target.mkdir()
    (target / "notes.txt").write_bytes(b"precious")
    with qtbot.waitSignal(run.failed) as failed:
        run.train(pairs, target, quick())
    assert failed.args[0].startswith(f"O05  {target}")
    run.discard()
    assert (target / "notes.txt").read_bytes() == b"precious"


def test_events_are_folded_in_the_thread_of_the_interface(qtbot: Any, viewer: Any) -> None:
    folded_in = set()

    class Watched(TrainingJob):
        def fold(self, event: Any) -> None:
            folded_in.add(threading.current_thread())
            super().fold(event)

    run = Watched(viewer)
    with qtbot.waitSignal(run.ended):
        run.begin(lambda: (event for event in runs.events()), "starting")
    assert folded_in == {threading.main_thread()}


@pytest.mark.usefixtures("four_cores")
def test_the_interface_keeps_its_own_number_of_torch_threads(qtbot: Any, viewer: Any, tmp_path: Any) -> None:
    run = TrainingJob.of(viewer)
    with qtbot.waitSignal(run.ended):
        run.train(pairs, tmp_path / "m", quick())
    assert torch.get_num_threads() == 4


def test_one_word_says_how_the_run_stands(qtbot: Any, viewer: Any) -> None:
    run = TrainingJob.of(viewer)
    seen = [run.state]
    run.changed.connect(lambda: seen.append(run.state) if run.state != seen[-1] else None)
    run.begin(runs.endless, "starting")
    run.history = History()
    qtbot.waitUntil(lambda: run.state == "working")
    run.pause(True)
    run.pause(False)
    with qtbot.waitSignal(run.ended):
        run.stop()
    assert seen == ["idle", "preparing", "working", "paused", "working", "stopping", "stopped"]


@pytest.mark.usefixtures("step_by_step")
def test_a_discarded_run_leaves_nothing(qtbot: Any, viewer: Any, tmp_path: Any) -> None:
    run, target = TrainingJob.of(viewer), tmp_path / "run"
    run.train(pairs, target, SOON_BETTER)
    qtbot.waitUntil(lambda: run.model_file is not None)
    assert target.exists()
    with qtbot.waitSignal(run.ended) as ended:
        run.discard()
    assert ended.args[0] == "Discarded: no model was saved."
    assert not target.exists()
    assert run.model_file is None
