from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QMessageBox

from cryoden.events.history import History
from cryoden.events.training import PhaseStarted
from cryoden.model import checkpoint
from cryoden.runs.folder import RunFolder
from cryoden.runs.keeper import kept_in
from napari_cryoden.jobs.training import TrainingJob
from napari_cryoden.paths import free_name
from napari_cryoden.plots.loss_dock import TITLE, show_plot
from tests.napari_cryoden import runs
from tests.napari_cryoden.checking import checked
from tests.napari_cryoden.patience import SECONDS


@pytest.fixture
def train(docked: Any) -> Any:
    return docked("Train a denoiser")[1]


def begin(run: Any) -> None:
    run.begin(runs.endless, "starting")
    run.history = History()


def test_without_halves_the_dock_says_what_to_open(train: Any) -> None:
    assert not train.train_button.isEnabled()
    assert "…_EVN and …_ODD" in train.train_button.toolTip()
    assert train.source.note.text() == train.train_button.toolTip()


def test_a_search_does_not_keep_the_program_alive_and_a_run_does(qtbot: Any, train: Any) -> None:
    gate = threading.Event()

    def find() -> list[Any]:
        gate.wait(SECONDS)
        return []

    train.source.pairs.look(find)
    assert workers_that_may_be_cut_short() == [True]
    gate.set()
    qtbot.waitUntil(lambda: not train.source.pairs.checking)
    begin(train.run)
    assert workers_that_may_be_cut_short() == [False]
    with qtbot.waitSignal(train.run.ended):
        train.run.stop()


def workers_that_may_be_cut_short() -> list[bool]:
    return [thread.daemon for thread in threading.enumerate() if thread.name == "cryoden-worker"]


def test_pairs_of_two_pixel_sizes_are_told_and_the_dock_stays_usable(
    qtbot: Any, train: Any, add_halves: Any, tmp_path: Any, notices: Any
) -> None:
    *_, even, odd = add_halves()
    for layer in (even, odd):
        layer.scale = (1, 1)
    checked(qtbot, train)
    train.folder.path = tmp_path / "m"
    for name, value in {
        "network": "baseline",
        "epochs": 1,
        "steps_per_epoch": 1,
        "batch": 1,
        "patch": 64,
    }.items():
        train.form.fields[name].value = value
    with qtbot.waitSignal(train.run.ended):
        train.train_button.click()
    assert [line[:3] for line in notices] == ["D06"]
    assert "1 at 1 Å/px; 1 at 2 Å/px" in train.status.text()
    train.source.pairs.item(1).setCheckState(Qt.CheckState.Unchecked)
    assert train.train_button.isEnabled()
    with qtbot.waitSignal(train.run.ended):
        train.train_button.click()
    assert len(notices) == 1
    assert len(train.run.history.losses) == 1


@pytest.mark.usefixtures("step_by_step")
def test_the_buttons_train_a_model_and_stop_it(
    qtbot: Any, train: Any, add_halves: Any, tmp_path: Any
) -> None:
    add_halves()
    checked(qtbot, train)
    train.folder.path = tmp_path / "m"
    for name, value in {"steps_per_epoch": 1, "batch": 1, "patch": 64}.items():
        train.form.fields[name].value = value
    train.train_button.click()
    assert not train.train_button.isEnabled()
    assert "is active" in train.train_button.toolTip()
    qtbot.waitUntil(lambda: train.run.model_file is not None)
    assert "best" in train.status.text()
    with qtbot.waitSignal(train.run.ended):
        train.stop_button.click()
        assert not train.stop_button.isEnabled()
    assert train.status.text().startswith("Stopped. Model of epoch ")
    assert train.train_button.isEnabled() or train.folder.path.exists()
    assert checkpoint.load(tmp_path / "m" / "model.safetensors").network == "unet"


def test_a_run_that_goes_wrong_is_told_restarted_and_recovers(
    qtbot: Any, train: Any, add_halves: Any, tmp_path: Any
) -> None:
    add_halves()
    checked(qtbot, train)
    train.folder.path = tmp_path / "m"
    mad = {
        "epochs": 2,
        "steps_per_epoch": 8,
        "batch": 1,
        "patch": 64,
        "learning_rate": 0.1,
        "precision": "float32",
    }
    for name, value in mad.items():
        train.form.fields[name].value = value
    told = []
    train.run.changed.connect(lambda: told.append(train.verdict.toolTip()))
    with qtbot.waitSignal(train.run.ended):
        train.train_button.click()
    assert train.run.history.restarts[0] == 8
    assert any("Restart 1 of 3 from the starting model, learning rate 0.025" in words for words in told)
    assert train.run.history.steps == list(range(1, 17))


def test_a_new_run_is_offered_a_new_folder(
    qtbot: Any, train: Any, tmp_path: Any, viewer: Any, write_mrc: Any, noise: Any
) -> None:
    viewer.open([write_mrc("a_EVN.mrc", noise), write_mrc("a_ODD.mrc", noise)], plugin="napari-cryoden")
    qtbot.waitUntil(lambda: train.folder.path == tmp_path / "cryoden_runs" / "run_1")
    (tmp_path / "cryoden_runs" / "run_1").mkdir(parents=True)
    run = TrainingJob.of(viewer)
    with qtbot.waitSignal(run.ended):
        begin(run)
        run.stop()
    assert train.folder.path == tmp_path / "cryoden_runs" / "run_2"


def test_a_folder_that_exists_is_told_before_the_run(
    qtbot: Any, train: Any, add_halves: Any, tmp_path: Any
) -> None:
    add_halves()
    checked(qtbot, train)
    train.folder.path = tmp_path / "m"
    assert train.train_button.isEnabled()
    (tmp_path / "m").mkdir()
    train.follow()
    assert "already exists" in train.train_button.toolTip()
    assert not train.train_button.isEnabled()


def test_a_name_of_the_users_own_is_left_alone(train: Any, add_halves: Any, tmp_path: Any) -> None:
    train.folder.path = tmp_path / "mine"
    add_halves()
    assert train.folder.path == tmp_path / "mine"


def test_free_names_count_on(tmp_path: Any) -> None:
    names = []
    for _ in range(3):
        names.append(free_name(tmp_path))
        names[-1].touch()
    assert [name.name for name in names] == ["run_1", "run_2", "run_3"]


def test_a_failure_is_told_once_and_the_dock_stays_usable(
    qtbot: Any, train: Any, add_halves: Any, notices: Any
) -> None:
    add_halves()
    checked(qtbot, train)

    def broken() -> Any:
        yield runs.started()
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with qtbot.waitSignal(train.run.ended):
        train.run.begin(broken, "starting")
    assert len(notices) == 1
    assert notices[0].startswith("G03  RuntimeError: mat1 and mat2")
    assert train.status.text() == notices[0]
    assert train.train_button.isEnabled()


def test_a_run_is_paused_and_goes_on_with_the_same_button(qtbot: Any, train: Any) -> None:
    assert "No training is running" in train.pause_button.toolTip()
    begin(train.run)
    qtbot.waitUntil(lambda: train.run.state == "working")
    train.pause_button.click()
    assert train.pause_button.text() == "Resume"
    assert "Continue" in train.pause_button.toolTip()
    assert train.status.text().startswith("Paused · epoch ")
    steps = train.run.history.last.step
    train.pause_button.click()
    assert train.pause_button.text() == "Pause"
    assert "Pause after" in train.pause_button.toolTip()
    qtbot.waitUntil(lambda: train.run.history.last.step > steps + 100)
    train.pause_button.click()
    with qtbot.waitSignal(train.run.ended):
        train.stop_button.click()
    assert not train.pause_button.isEnabled()


@pytest.mark.parametrize("answer", ["Yes", "No"])
def test_a_run_is_discarded_only_when_the_user_says_yes(
    qtbot: Any, train: Any, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr(QMessageBox, "question", lambda *_: getattr(QMessageBox.StandardButton, answer))
    begin(train.run)
    qtbot.waitUntil(lambda: train.run.state == "working")
    train.discard_button.click()
    assert train.run.stopping == (answer == "Yes")
    with qtbot.waitSignal(train.run.ended):
        train.run.stop()
    assert train.status.text().startswith("Discarded" if answer == "Yes" else "Stopped")


def test_the_plot_takes_no_room_before_there_is_a_run(qtbot: Any, train: Any, viewer: Any) -> None:
    assert TITLE not in viewer.window.dock_widgets
    train.plot_button.click()
    shown = show_plot(viewer)
    assert shown.empty.text().startswith("No run yet")
    gate = threading.Event()

    def slow() -> Any:
        yield PhaseStarted("measuring micrographs")
        gate.wait(SECONDS)

    train.run.begin(slow, "starting")
    train.run.history = History()
    qtbot.waitUntil(lambda: "starting: measuring micrographs" in shown.empty.text())
    gate.set()
    qtbot.waitUntil(lambda: not train.run.running)


@pytest.mark.usefixtures("step_by_step")
def test_the_button_that_stops_says_what_becomes_of_the_model(qtbot: Any, train: Any, tmp_path: Path) -> None:
    gates = [threading.Event() for _ in range(3)]

    def events() -> Any:
        yield runs.started()
        gates[0].wait(SECONDS)
        yield runs.epoch(0, 1.4)
        yield runs.step(1)
        gates[1].wait(SECONDS)
        yield runs.epoch(1, 0.98, best=True, before=[runs.epoch(0, 1.4)])
        gates[2].wait(SECONDS)

    assert train.stop_button.text() == "Stop (keep best)"
    folder = RunFolder(tmp_path / "run")
    train.run.begin(lambda: (event for event in kept_in(folder, events())), "starting")
    train.run.history, train.run.folder = History(), folder
    for gate, words in zip(gates, ("no model yet", "validate first", "keep best"), strict=True):
        qtbot.waitUntil(lambda words=words: train.stop_button.text() == f"Stop ({words})")
        gate.set()
    qtbot.waitUntil(lambda: not train.run.running)


def test_after_a_run_one_click_leads_on_with_its_model(
    qtbot: Any, train: Any, docked: Any, tmp_path: Path
) -> None:
    assert not train.denoise_button.isVisible()
    folder = RunFolder(tmp_path / "run")
    with qtbot.waitSignal(train.run.ended):
        train.run.begin(lambda: (event for event in kept_in(folder, runs.events())), "starting")
        train.run.history, train.run.folder = History(), folder
    assert train.denoise_button.isVisible()
    for button, name in ((train.denoise_button, "Denoise"), (train.batch_button, "Batch")):
        docked(name)[1].model.path = tmp_path / "mine.safetensors"
        button.click()
        assert docked(name)[1].model.path == folder.model
