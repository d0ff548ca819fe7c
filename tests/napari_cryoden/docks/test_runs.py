from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QMessageBox

from cryoden.experiment import workflow
from cryoden.experiment.data_source import data_source, opened
from cryoden.runs import report
from cryoden.runs.folder import RunFolder
from cryoden.runs.keeper import kept_in
from cryoden.runs.record import read
from cryoden.runs.reservation import reclaim
from cryoden.settings.baseline import BaselineSettings, PatchSettings
from napari_cryoden.jobs.then_batch import ThenBatch
from napari_cryoden.plots.runs_dock import TITLE
from tests.cryoden.checkpoints.interrupted import begun, halves, until
from tests.napari_cryoden import runs


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs: five epochs, one epoch, and one that was stopped in its first."""
    folder = tmp_path_factory.mktemp("runs")
    for name, epochs in (("long", 5), ("short", 1)):
        run = RunFolder(folder / name)
        list(report.finished(run, kept_in(run, runs.events(epochs))))
    stopped: Any = kept_in(RunFolder(folder / "stopped"), runs.endless())
    for _ in range(3):
        next(stopped)
    stopped.close()
    return folder


@pytest.fixture
def folder(three: Path, tmp_path: Path) -> Path:
    """A copy of the three runs."""
    shutil.copytree(three, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def dock(docked: Callable[..., Any], folder: Path, qtbot: Any) -> Any:
    widget = docked("Runs")[1]
    qtbot.waitUntil(widget.look_button.isEnabled)
    widget.root.path = folder
    qtbot.waitUntil(lambda: widget.table.rowCount() == 3)
    return widget


def names(dock: Any) -> list[str]:
    return [dock.table.item(line, 0).text() for line in range(dock.table.rowCount())]


def select(dock: Any, *chosen: str) -> None:
    dock.table.clearSelection()
    for line, name in enumerate(names(dock)):
        if name in chosen:
            dock.table._select(line)


def test_runs_are_listed_with_their_best_loss_and_their_end(dock: Any) -> None:
    table = {dock.table.item(line, 0).text(): line for line in range(3)}
    assert set(table) == {"long", "short", "stopped"}
    said = {
        name: [dock.table.item(line, place).text() for place in range(1, 8)] for name, line in table.items()
    }
    verdict, began, data, time, loss, band, state = said["long"]
    assert verdict == "● good to use"
    select(dock, "long")
    assert "Better than a Wiener filter for 4 epochs" in dock.about.text()
    assert began[:2] == "20"
    assert (data, time, loss, band, state) == ("a", "0:05", "0.9800", "–", "completed")
    assert (said["stopped"][0], said["stopped"][-1]) == ("–", "stopped")


def test_what_cannot_be_done_says_why(dock: Any) -> None:
    assert not dock.model_button.isEnabled()
    assert dock.model_button.toolTip() == "Select one run"
    select(dock, "stopped")
    assert "No model:" in dock.model_button.toolTip()
    assert "No report yet" in dock.report_button.toolTip()
    select(dock, "long", "short")
    assert not dock.settings_button.isEnabled()
    assert dock.show_button.isEnabled()


def test_a_run_s_model_goes_to_denoising(dock: Any, docked: Any, folder: Path) -> None:
    select(dock, "long")
    dock.model_button.click()
    assert docked("Denoise")[1].model.path == folder / "long" / "model.safetensors"


def test_a_run_s_settings_go_to_training(qtbot: Any, dock: Any, docked: Any, folder: Path) -> None:
    record = folder / "long" / "run.json"
    record.write_text(record.read_text().replace('"minutes": 5.0', '"minutes": 17.0'))
    dock.look()
    qtbot.waitUntil(dock.look_button.isEnabled)
    select(dock, "long")
    dock.settings_button.click()
    assert docked("Train a denoiser")[1].form.settings() == read(folder / "long").started.settings
    assert docked("Train a denoiser")[1].form.settings().minutes == 17


def test_selected_runs_are_shown_together_in_either_theme(dock: Any, viewer: Any) -> None:
    select(dock, "long", "short")
    dock.show_button.click()
    shown = viewer.window.dock_widgets[TITLE]
    curves = shown.plot.getPlotItem().listDataItems()
    assert {curve.name(): len(curve.xData) for curve in curves} == {"long": 6, "short": 2}
    assert shown.table.rowCount() == 2
    viewer.theme = "light"
    assert len(shown.plot.getPlotItem().listDataItems()) == 2


def test_a_damaged_run_is_told_in_one_line(dock: Any, notices: list[str], folder: Path) -> None:
    (folder / "long" / "metrics.csv").unlink()
    select(dock, "long")
    dock.show_button.click()
    assert notices[0].startswith(f"R01  {folder / 'long' / 'metrics.csv'} — ")


def test_the_report_is_opened_in_the_browser(
    dock: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    select(dock, "long")
    dock.report_button.click()
    assert opened == [str(folder / "long" / "report.html")]


@pytest.mark.parametrize("answer", [QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No])
def test_runs_are_deleted_when_the_user_says_yes(
    qtbot: Any, dock: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    monkeypatch.setattr(QMessageBox, "question", lambda *_: answer)
    (folder / "short" / "notes.txt").write_text("mine")
    select(dock, "long", "short")
    dock.delete_button.click()
    gone = answer == QMessageBox.StandardButton.Yes
    assert (folder / "long").exists() is not gone
    assert (folder / "short" / "notes.txt").read_text() == "mine"
    qtbot.waitUntil(lambda: (names(dock) == ["stopped"]) is gone)


def test_a_run_under_way_is_not_deleted(qtbot: Any, dock: Any, folder: Path) -> None:
    under_way: Any = kept_in(RunFolder(folder / "now"), runs.endless())
    next(under_way)
    dock.look()
    qtbot.waitUntil(lambda: dock.table.rowCount() == 4)
    select(dock, "now")
    assert "A running training" in dock.delete_button.toolTip()
    assert not dock.delete_button.isEnabled()
    under_way.close()


def test_a_run_that_another_process_has_taken_up_meanwhile_is_not_deleted(
    dock: Any, folder: Path, notices: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Yes)
    select(dock, "long", "stopped")
    with reclaim(folder / "stopped"):
        dock.delete_button.click()
    assert notices[0].startswith(f"R05  {folder / 'stopped'} — is running: process ")
    assert read(folder / "stopped").state == "stopped"
    assert not (folder / "long").exists()


def test_a_new_run_appears_and_what_is_selected_stays_selected(qtbot: Any, dock: Any, folder: Path) -> None:
    select(dock, "long")
    list(kept_in(RunFolder(folder / "newer"), runs.events(2)))
    dock.run.folder = RunFolder(folder / "newer")
    dock.run.ended.emit("done")
    qtbot.waitUntil(lambda: dock.table.rowCount() == 4)
    assert [run.name for run in dock.chosen()] == ["long"]


def test_a_search_asked_for_during_another_is_not_forgotten(qtbot: Any, dock: Any, folder: Path) -> None:
    (folder / "empty").mkdir()
    for root, runs_in_it in ((folder / "empty", 0), (folder, 3)):
        dock.look()
        dock.root.path = root
        qtbot.waitUntil(lambda expected=runs_in_it: dock.table.rowCount() == expected)


def test_a_wrong_description_hides_no_run(qtbot: Any, dock: Any, folder: Path) -> None:
    (folder / "other.json").write_text(
        '{"format": "cryoden-described-1", "initial_loss": 1, "epoch_losses": ["low"]}'
    )
    (folder / "empty").mkdir()
    for root, count in ((folder / "empty", 0), (folder, 3)):
        dock.root.path = root
        qtbot.waitUntil(lambda count=count: dock.table.rowCount() == count)
    assert set(names(dock)) == {"long", "short", "stopped"}


def test_a_search_that_fails_is_told_in_the_dock(
    qtbot: Any, dock: Any, notices: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Path) -> Any:
        raise OSError("the disk is gone")

    monkeypatch.setattr("napari_cryoden.docks.runs.found", fail)
    dock.look()
    qtbot.waitUntil(dock.look_button.isEnabled)
    assert "the disk is gone" in dock.about.text()
    assert "the disk is gone" in notices[0]


@pytest.fixture
def interrupted(tmp_path: Path) -> Path:
    """Runs below a folder: one of halves, which was left after six of its eight steps, and one of pairs."""
    data = halves(tmp_path / "halves")
    until(begun(data, tmp_path / "runs" / "left"), 6)
    paths = sorted(data.glob("*_EVN.mrc"))
    pairs = opened(paths, PatchSettings(patch=64, stride=64))
    chosen = BaselineSettings(device="cpu", epochs=2, batch=2, validation_pairs=2, checkpoint_minutes=1e-6)
    where = data_source(pairs, paths, pairs.settings)
    until(workflow.baseline(pairs, RunFolder(tmp_path / "runs" / "pairs"), chosen, where), 6)
    return tmp_path / "runs"


@pytest.mark.parametrize("name", ["left", "pairs"])
def test_a_run_that_was_left_is_resumed_and_its_curve_continues(
    docked: Callable[..., Any], interrupted: Path, qtbot: Any, name: str
) -> None:
    dock = docked("Runs")[1]
    qtbot.waitUntil(dock.look_button.isEnabled)
    dock.root.path = interrupted
    qtbot.waitUntil(lambda: dock.table.rowCount() == 2)
    select(dock, name)
    assert dock.resume_button.toolTip() == "Continue this run from its last checkpoint"
    with qtbot.waitSignal(dock.run.ended):
        dock.resume_button.click()
        assert not dock.resume_button.isEnabled()
        assert "active in this window" in dock.resume_button.toolTip()
    record = read(interrupted / name)
    assert record.state == "completed"
    history = dock.run.history
    assert history.steps == list(range(1, record.about["steps"] + 1))
    assert [epoch.epoch for epoch in history.epochs] == [0, 1, 2]
    assert dock.run.model_file == (record.folder.model if record.has_model else None)
    qtbot.waitUntil(dock.look_button.isEnabled)
    select(dock, name)
    assert "It is finished" in dock.resume_button.toolTip()


@pytest.mark.parametrize("is_closed", [True, False])
def test_the_batch_chosen_in_train_comes_after_a_resumed_run_whether_that_dock_is_open_or_not(
    docked: Callable[..., Any], interrupted: Path, grids: Path, qtbot: Any, is_closed: bool
) -> None:
    area, train = docked("Train a denoiser")
    train.then.wanted.setChecked(True)
    train.then.micrographs.path, train.then.output.path = grids, grids.parent / "out"
    if is_closed:
        train.viewer.window.remove_dock_widget(area)
    dock = docked("Runs")[1]
    qtbot.waitUntil(dock.look_button.isEnabled)
    dock.root.path = interrupted
    qtbot.waitUntil(lambda: dock.table.rowCount() == 2)
    select(dock, "left")
    with qtbot.waitSignal(dock.run.ended):
        dock.resume_button.click()
        planned = ThenBatch.of(dock.viewer).plan
        assert planned is not None
        assert (planned.micrographs, planned.output) == (grids, grids.parent / "out")
        dock.run.stop()


def test_a_run_without_a_checkpoint_or_that_is_over_says_so(dock: Any) -> None:
    assert dock.resume_button.toolTip() == "Select one run"
    select(dock, "stopped")
    assert dock.resume_button.toolTip() == "It has no checkpoint"
    select(dock, "long")
    assert "It is finished" in dock.resume_button.toolTip()
    assert not dock.resume_button.isEnabled()


def test_what_stands_in_the_way_of_a_resumed_run_is_said_and_the_folder_stays(
    docked: Callable[..., Any], interrupted: Path, qtbot: Any
) -> None:
    dock = docked("Runs")[1]
    qtbot.waitUntil(dock.look_button.isEnabled)
    dock.root.path = interrupted
    qtbot.waitUntil(lambda: dock.table.rowCount() == 2)
    select(dock, "left")
    (interrupted.parent / "halves" / "m1_ODD.mrc").unlink()
    with qtbot.waitSignal(dock.run.failed) as failed:
        dock.resume_button.click()
    assert "R07" in failed.args[0]
    assert read(interrupted / "left").state == "stopped"


def test_a_changed_run_shows_what_differs_and_is_resumed_all_the_same_when_that_is_meant(
    docked: Callable[..., Any], interrupted: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock = docked("Runs")[1]
    qtbot.waitUntil(dock.look_button.isEnabled)
    dock.root.path = interrupted
    qtbot.waitUntil(lambda: dock.table.rowCount() == 2)
    other = halves(interrupted.parent / "others", 3)
    for half in ("EVN", "ODD"):
        shutil.copy(other / f"m2_{half}.mrc", interrupted.parent / "halves" / f"m1_{half}.mrc")
    select(dock, "left")
    with qtbot.waitSignal(dock.run.failed) as failed:
        dock.resume_button.click()
    assert failed.args[0].startswith("T17")
    assert failed.args[0].endswith("Choose Resume all the same in Runs to continue.")
    qtbot.waitUntil(dock.look_button.isEnabled)
    select(dock, "pairs")
    assert dock.resume_button.text() == "Resume"
    select(dock, "left")
    assert dock.resume_button.text() == "Resume all the same…"
    shown = [line for line in dock.about.text().splitlines() if line.startswith("• m1_")]
    assert [line.split(":")[0] for line in shown] == ["• m1_EVN.mrc", "• m1_ODD.mrc"]

    asked: list[str] = []

    def answer(_: Any, __: str, question: str) -> Any:
        asked.append(question)
        return QMessageBox.StandardButton.Yes if len(asked) > 1 else QMessageBox.StandardButton.No

    monkeypatch.setattr(QMessageBox, "question", answer)
    dock.resume_button.click()
    assert not dock.run.running
    with qtbot.waitSignal(dock.run.ended):
        dock.resume_button.click()
    assert asked[0].splitlines()[1:] == shown
    record = read(interrupted / "left")
    assert record.state == "completed"
    assert "continued with other settings or data: m1_EVN.mrc" in record.about["resumed"][-1]["notes"][-1]
