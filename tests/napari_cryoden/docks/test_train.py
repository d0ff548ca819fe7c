from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QMessageBox

from cryoden.events.history import History
from cryoden.model import checkpoint
from napari_cryoden.docks.train import free_name
from napari_cryoden.jobs.training import TrainingJob
from napari_cryoden.widgets.training_data import COUNTED, FOLDER, SUPERVISED
from tests.napari_cryoden import runs
from tests.napari_cryoden.patience import SECONDS


@pytest.fixture
def train(docked: Any) -> Any:
    return docked("Train a denoiser")[1]


def checked(qtbot: Any, train: Any) -> None:
    qtbot.waitUntil(lambda: train.source.pairs.count() > 0 and not train.source.pairs.checking)


def begin(run: Any) -> None:
    run.begin(runs.endless, "starting")
    run.history = History()


def test_without_halves_the_dock_says_what_to_open(train: Any) -> None:
    assert not train.train_button.isEnabled()
    assert "…_EVN and …_ODD" in train.train_button.toolTip()
    assert train.source.note.text() == train.train_button.toolTip()


def test_open_halves_are_listed_with_a_verdict_each(qtbot: Any, train: Any, add_halves: Any) -> None:
    add_halves()
    checked(qtbot, train)
    assert [line.split(",")[0] for line in train.source.pairs.verdicts()] == ["m1 · usable", "m2 · usable"]
    assert train.train_button.isEnabled()


def test_a_pair_of_one_image_twice_is_not_trained_with(
    qtbot: Any, train: Any, viewer: Any, noise: Any
) -> None:
    for name in ("copy_EVN", "copy_ODD"):
        viewer.add_image(noise, name=name)
    checked(qtbot, train)
    assert train.source.pairs.verdicts() == ["copy · identical"]
    assert not train.train_button.isEnabled()
    assert "No usable pair is ticked" in train.train_button.toolTip()


def test_renaming_and_deleting_layers_changes_the_pairs(
    qtbot: Any, train: Any, viewer: Any, add_halves: Any
) -> None:
    even, *_ = add_halves()
    checked(qtbot, train)
    even.name = "else"
    qtbot.waitUntil(lambda: len(train.source.pairs.verdicts()) == 1)
    viewer.layers.clear()
    qtbot.waitUntil(lambda: train.source.pairs.verdicts() == [])
    assert not train.train_button.isEnabled()


def test_a_pair_can_be_left_out(qtbot: Any, train: Any, add_halves: Any) -> None:
    add_halves()
    checked(qtbot, train)
    train.source.pairs.item(0).setCheckState(Qt.CheckState.Unchecked)
    assert len(train.source.material()()) == 1
    train.source.pairs.item(1).setCheckState(Qt.CheckState.Unchecked)
    assert not train.train_button.isEnabled()


def test_halves_in_a_folder_are_found_and_checked(
    qtbot: Any, train: Any, add_halves: Any, tmp_path: Any
) -> None:
    for layer in add_halves():
        layer.save(str(tmp_path / f"{layer.name}.mrc"), plugin="napari-cryoden")
    train.source.choice.setCurrentIndex(FOLDER)
    assert "folder" in train.train_button.toolTip()
    train.source.folder.path = tmp_path
    checked(qtbot, train)
    assert train.train_button.isEnabled()
    assert [pair.even.path.name for pair in train.source.material()()] == ["m1_EVN.mrc", "m2_EVN.mrc"]
    assert train.folder.path == tmp_path / "cryoden_runs" / "run_1"


def test_a_folder_is_searched_when_its_path_is_whole_and_not_at_each_letter(
    qtbot: Any, train: Any, add_halves: Any, tmp_path: Any
) -> None:
    for layer in add_halves():
        layer.save(str(tmp_path / f"{layer.name}.mrc"), plugin="napari-cryoden")
    train.source.choice.setCurrentIndex(FOLDER)
    line = train.source.folder.line
    line.setFocus()
    for letter in str(tmp_path):
        qtbot.keyClicks(line, letter)
        assert not train.source.pairs.checking
    assert "Press Enter" in train.train_button.toolTip()
    qtbot.keyClick(line, Qt.Key.Key_Return)
    checked(qtbot, train)
    assert train.train_button.isEnabled()
    qtbot.keyClicks(line, "x")
    assert train.source.pairs.verdicts() == []
    assert not train.train_button.isEnabled()
    qtbot.keyClick(line, Qt.Key.Key_Backspace)
    assert not train.source.pairs.checking
    line.editingFinished.emit()
    checked(qtbot, train)
    assert train.train_button.isEnabled()


def test_leaving_the_line_of_a_folder_searched_already_keeps_the_ticks(
    qtbot: Any, train: Any, add_halves: Any, tmp_path: Any
) -> None:
    for layer in add_halves():
        layer.save(str(tmp_path / f"{layer.name}.mrc"), plugin="napari-cryoden")
    train.source.choice.setCurrentIndex(FOLDER)
    train.source.folder.path = tmp_path
    checked(qtbot, train)
    train.source.pairs.item(0).setCheckState(Qt.CheckState.Unchecked)
    train.source.folder.line.editingFinished.emit()
    assert len(train.source.pairs.chosen()) == 1
    qtbot.keyClick(train.source.folder.line, Qt.Key.Key_Return)  # asked for: look again
    checked(qtbot, train)
    assert len(train.source.pairs.chosen()) == 2


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


def test_a_home_folder_of_nobody_is_taken_as_it_is_typed(train: Any) -> None:
    typed = "~nobody of this name/runs/a"
    train.folder.line.setText(typed)
    assert train.folder.path == Path(typed)
    train.folder.line.setText("~/a")
    assert train.folder.path == Path.home() / "a"


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


def test_a_folder_without_halves_is_told_in_the_dock(qtbot: Any, train: Any, tmp_path: Any) -> None:
    train.source.choice.setCurrentIndex(FOLDER)
    train.source.folder.path = tmp_path
    qtbot.waitUntil(lambda: bool(train.source.pairs.trouble))
    assert train.source.note.text().startswith("D01")
    assert not train.train_button.isEnabled()


def test_supervised_training_needs_two_layers_of_one_size(train: Any, viewer: Any, noise: Any) -> None:
    train.source.choice.setCurrentIndex(SUPERVISED)
    assert "two different layers" in train.train_button.toolTip()
    noisy = viewer.add_image(noise, name="noisy")
    target = viewer.add_image(noise / 2, name="target")
    train.source.noisy.layer, train.source.target.layer = noisy, target
    assert train.train_button.isEnabled()
    ((first, second),) = train.source.material()()
    assert (first.name, second.name) == ("noisy", "target")
    train.source.target.layer = viewer.add_image(noise[:8], name="small")
    assert "96×128 and 8×128" in train.train_button.toolTip()


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
    assert train.status.text().startswith("Stopped. Best ")
    assert train.train_button.isEnabled() or train.folder.path.exists()
    assert checkpoint.load(tmp_path / "m" / "model.safetensors").network == "unet"


def test_the_dock_says_how_the_run_stands_in_the_colors_of_the_theme(
    qtbot: Any, train: Any, viewer: Any
) -> None:
    assert train.verdict.text() == ""
    train.run.begin(runs.events, "starting")
    train.run.history = History()
    qtbot.waitUntil(lambda: not train.run.running)
    dark = train.verdict.text()
    assert dark.endswith("Better than a Wiener filter for 4 epochs: good to use")
    viewer.theme = "light"
    assert train.verdict.text().endswith("Better than a Wiener filter for 4 epochs: good to use")
    assert train.verdict.text() != dark


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


def test_the_docks_fit_a_small_screen(docked: Any) -> None:
    for name in ("Train a denoiser", "Denoise"):
        widget = docked(name)[1]
        assert widget.sizeHint().width() <= 320
        assert widget.minimumSizeHint().height() <= 400


def test_no_label_is_wider_than_its_dock(qtbot: Any, train: Any, add_halves: Any) -> None:
    add_halves()
    checked(qtbot, train)
    for label in filter(QLabel.isVisible, train.findChildren(QLabel)):
        right = label.mapTo(train, label.rect().bottomRight()).x()
        assert right <= train.width()
        assert label.wordWrap() or label.width() >= label.sizeHint().width()


def test_one_counted_micrograph_is_trained_on_without_halves(train: Any, viewer: Any) -> None:
    train.source.choice.setCurrentIndex(COUNTED)
    assert "counted electrons" in train.train_button.toolTip()
    counts = np.random.default_rng(0).poisson(30, (512, 512)).astype(np.float32)
    layer = viewer.add_image(counts, name="sum")
    assert train.train_button.isEnabled()
    (pair,) = train.source.material()()
    assert np.array_equal(pair.even.data + pair.odd.data, counts)
    assert np.array_equal(layer.data, counts)


def test_a_micrograph_that_is_not_counted_is_refused_with_its_figure(
    qtbot: Any, train: Any, viewer: Any, notices: Any, tmp_path: Path
) -> None:
    train.source.choice.setCurrentIndex(COUNTED)
    blurred = np.random.default_rng(0).poisson(30, (512, 513)).astype(np.float32)
    viewer.add_image(blurred[:, 1:] + blurred[:, :-1], name="sum")
    train.folder.path = tmp_path / "m"
    with qtbot.waitSignal(train.run.ended):
        train.train()
    assert notices[0].startswith("D13  sum — ")
    assert not (tmp_path / "m").exists()


def test_a_run_is_paused_and_goes_on_with_the_same_button(qtbot: Any, train: Any) -> None:
    assert "No run" in train.pause_button.toolTip()
    begin(train.run)
    qtbot.waitUntil(lambda: train.run.state == "working")
    train.pause_button.click()
    assert train.pause_button.text() == "Resume"
    assert train.status.text().startswith("Paused · epoch ")
    steps = train.run.history.last.step
    train.pause_button.click()
    assert train.pause_button.text() == "Pause"
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
