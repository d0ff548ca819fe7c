from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QMenu

from cryoden.errors import TrainingError
from cryoden.events.batch import FileFinished, FileStarted
from cryoden.io import mrc
from cryoden.micrograph import Micrograph
from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings
from napari_cryoden.jobs.batch import KEPT, BatchJob
from tests.napari_cryoden import runs

BAD = "m2_bad.mrc"


@pytest.fixture
def batch(docked: Any) -> Any:
    return docked("Batch")[1]


@pytest.fixture
def grids(tmp_path: Path) -> Path:
    """Two folders with two micrographs each."""
    for number in range(4):
        folder = tmp_path / "session" / f"grid{number % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        half = runs.halves(f"m{number}", number, 256).even
        assert isinstance(half, Micrograph)
        mrc.write(folder / f"m{number}.mrc", half.data, pixel_size=half.pixel_size, label="simulated")
    return tmp_path / "session"


@pytest.fixture
def ready(batch: Any, grids: Path, model: Path) -> Any:
    """The dock, with everything chosen."""
    batch.micrographs.path = grids
    batch.model.path = model
    batch.form.fields["device"].value = "cpu"
    return batch


def results(grids: Path) -> Path:
    return grids.with_name("session_denoised")


def spoil(grids: Path) -> Path:
    """Add a file that was not copied to its end."""
    (grids / "grid0" / BAD).write_bytes((grids / "grid0" / "m0.mrc").read_bytes()[:5000])
    return grids / "grid0" / BAD


def run(qtbot: Any, dock: Any) -> str:
    with qtbot.waitSignal(dock.batch.ended) as ended:
        dock.denoise_button.click()
    return str(ended.args[0]).partition(" (")[0]


def made(folder: Path) -> list[str]:
    """Return the results below a folder, each of which must be whole."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    assert {mrc.read(path).shape for path in files} <= {(256, 256)}
    return [str(path.relative_to(folder)) for path in files]


ALL = ["grid0/m0_denoised.mrc", "grid0/m2_denoised.mrc", "grid1/m1_denoised.mrc", "grid1/m3_denoised.mrc"]


def test_the_dock_says_what_is_missing(batch: Any, grids: Path, tmp_path: Path) -> None:
    button = batch.denoise_button
    assert button.toolTip() == batch.status.text() == "Choose a folder of micrographs, or a STAR file"
    batch.micrographs.path = tmp_path / "nowhere"
    assert button.toolTip() == f"There is no file or folder {tmp_path / 'nowhere'}"
    batch.micrographs.path, batch.output.path = grids, None
    assert button.toolTip() == "Choose an output folder"
    batch.output.path, batch.model.path = tmp_path / "out", None
    assert button.toolTip() == "Choose a model file, or train a model"
    assert not button.isEnabled()
    batch.model.path = GENERAL
    assert button.isEnabled()
    for other in (batch.pause_button, batch.cancel_button, batch.files.copy_button, batch.files.open_button):
        assert (other.isEnabled(), other.toolTip()[:3]) == (False, "No ")


def test_a_folder_for_the_results_is_proposed_until_the_user_names_one(
    batch: Any, grids: Path, tmp_path: Path
) -> None:
    batch.micrographs.path = grids
    assert batch.output.path == results(grids)
    batch.micrographs.path = grids / "grid0" / "m0.mrc"
    assert batch.output.path == grids / "grid0" / "m0_denoised"
    batch.output.path = tmp_path / "mine"
    batch.micrographs.path = grids
    assert batch.output.path == tmp_path / "mine"


def test_the_button_beside_micrographs_asks_whether_for_a_folder_or_a_file(batch: Any) -> None:
    menu = batch.micrographs.findChild(QMenu)
    batch.micrographs.button.click()
    assert menu.isVisible()
    assert [action.text() for action in menu.actions()] == ["Folder…", "File…"]
    menu.close()


def test_one_bad_file_is_named_and_the_others_are_done_in_their_tree(
    qtbot: Any, ready: Any, grids: Path, viewer: Any, notices: Any
) -> None:
    bad = spoil(grids)
    assert run(qtbot, ready) == "4 done, 1 failed"
    assert made(results(grids)) == ALL
    assert ready.status.text().endswith(f"in {results(grids)}")
    assert ready.progress.value() == ready.progress.maximum()
    assert ready.denoise_button.isEnabled()
    assert ready.files.failures.count() == 1
    item = ready.files.failures.item(0)
    assert item.text().splitlines()[0] == BAD
    assert item.text().splitlines()[1].startswith("F03 truncated: 5,000 of")
    assert item.toolTip().startswith(f"F03  {bad} — truncated")
    assert ready.files.results.count() == 4
    assert (ready.files.failed.text(), ready.files.done.text()) == ("<b>Failed</b> (1)", "<b>Done</b> (4)")
    assert (list(viewer.layers), notices) == ([], []), "files are no layers, and one bad file no alarm"


def test_failures_can_be_copied_whole(qtbot: Any, ready: Any, grids: Path) -> None:
    bad = spoil(grids)
    run(qtbot, ready)
    ready.files.copy_button.click()
    clipboard = QGuiApplication.clipboard()
    assert clipboard is not None
    assert clipboard.text() == ready.batch.failures[0].message
    assert str(bad) in clipboard.text()
    clipboard.clear()
    qtbot.keyClick(ready.files.failures, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert clipboard.text() == ready.batch.failures[0].message


def test_a_second_run_skips_what_is_done(qtbot: Any, ready: Any, grids: Path) -> None:
    run(qtbot, ready)
    before = {path: path.stat().st_mtime_ns for path in (results(grids)).rglob("*.mrc")}
    (results(grids) / "grid0" / "m2_denoised.mrc").unlink()
    assert run(qtbot, ready) == "1 done, 3 skipped (already done), 0 failed"
    again = {path: path.stat().st_mtime_ns for path in (results(grids)).rglob("*.mrc")}
    assert sum(again[path] == time for path, time in before.items()) == 3
    shown = [ready.files.results.item(row).text() for row in range(4)]
    assert [text.endswith("already done") for text in shown] == [True, False, True, True]


def test_results_of_other_settings_are_replaced_only_when_it_is_ticked(qtbot: Any, ready: Any) -> None:
    run(qtbot, ready)
    ready.form.fields["pixel_format"].value = "float16"
    assert run(qtbot, ready) == "0 done, 4 failed"
    assert "made with other settings" in ready.files.failures.item(0).text()
    ready.replace.setChecked(True)
    assert run(qtbot, ready) == "4 done, 0 failed"
    assert ready.files.failures.count() == 0, "the list is that of the last batch"


def test_a_star_file_is_a_list_of_micrographs(qtbot: Any, ready: Any, grids: Path) -> None:
    star = grids.parent / "micrographs.star"
    names = ["session/grid0/m0.mrc", "session/grid1/m1.mrc", "session/grid1/gone.mrc"]
    star.write_text("\ndata_\n\nloop_\n_rlnMicrographName #1\n" + "\n".join(names) + "\n")
    ready.micrographs.path = star
    assert ready.output.path == grids.parent / "micrographs_denoised"
    assert run(qtbot, ready) == "2 done, 1 failed"
    assert made(grids.parent / "micrographs_denoised") == ["grid0/m0_denoised.mrc", "grid1/m1_denoised.mrc"]
    assert ready.files.failures.item(0).text().splitlines()[0] == "gone.mrc"


@pytest.mark.usefixtures("step_by_step")
def test_canceling_leaves_whole_files_and_the_same_button_goes_on(
    qtbot: Any, ready: Any, grids: Path
) -> None:
    ready.form.fields["tile"].value = 64
    job = ready.batch
    ready.denoise_button.click()
    qtbot.waitUntil(lambda: job.tally.done > 0)
    with qtbot.waitSignal(job.ended) as ended:
        ready.cancel_button.click()
        assert not ready.cancel_button.isEnabled()
    assert ended.args[0].startswith(f"Canceled: {job.tally.done} done, in {results(grids)}.")
    there = made(results(grids))
    assert 0 < len(there) < 4
    assert run(qtbot, ready) == f"{4 - len(there)} done, {len(there)} skipped (already done), 0 failed"
    assert made(results(grids)) == ALL


@pytest.mark.usefixtures("step_by_step")
def test_a_paused_batch_says_so_and_goes_on(qtbot: Any, ready: Any, grids: Path) -> None:
    ready.form.fields["tile"].value = 64
    ready.denoise_button.click()
    qtbot.waitUntil(lambda: ready.batch.progress is not None)
    ready.pause_button.click()
    assert ready.pause_button.text() == "Resume"
    assert ready.status.text().startswith("Paused · ")
    assert "/4 · m" in ready.status.text()
    with qtbot.waitSignal(ready.batch.ended):
        ready.pause_button.click()
        assert ready.pause_button.text() == "Pause"
    assert made(results(grids)) == ALL


def test_a_second_batch_is_refused_while_one_goes_on(
    qtbot: Any, ready: Any, grids: Path, model: Path
) -> None:
    job = ready.batch
    with qtbot.waitSignal(job.ended):
        ready.denoise_button.click()
        assert not ready.denoise_button.isEnabled()
        assert ready.denoise_button.toolTip().startswith("A batch is running")
        with pytest.raises(TrainingError, match=r"G05 .*denoising a batch is already running"):
            job.denoise(grids, grids / "other", model, DenoisingSettings())
    assert job.output == results(grids)
    assert not (grids / "other").exists()


def test_the_batch_goes_on_without_its_dock_and_a_new_dock_shows_it(
    qtbot: Any, docked: Any, viewer: Any, grids: Path, model: Path
) -> None:
    spoil(grids)
    dock, batch = docked("Batch")
    batch.micrographs.path, batch.model.path = grids, model
    batch.denoise_button.click()
    job = BatchJob.of(viewer)
    with qtbot.waitSignal(job.ended):
        dock.destroyOnClose()
    assert made(results(grids)) == ALL
    again = docked("Batch")[1]
    assert again.status.text().startswith("4 done, 1 failed")
    assert (again.files.results.count(), again.files.failures.count()) == (4, 1)
    assert (again.micrographs.path, again.output.path) == (grids, results(grids))


@pytest.mark.usefixtures("step_by_step")
def test_closing_the_window_ends_a_batch_and_leaves_whole_files(
    qtbot: Any, ready: Any, grids: Path, viewer: Any
) -> None:
    ready.form.fields["tile"].value = 64
    ready.denoise_button.click()
    qtbot.waitUntil(lambda: ready.batch.tally.done > 0)
    assert viewer.window._task_status_manager.get_status() == ["napari-cryoden: Denoising a batch"]
    viewer.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "cryoden-worker"]
    assert 0 < len(made(results(grids))) < 4


def test_a_finished_file_opens_beside_its_micrograph_once(
    qtbot: Any, ready: Any, grids: Path, viewer: Any
) -> None:
    run(qtbot, ready)
    listed = ready.files.results
    listed.itemDoubleClicked.emit(listed.item(3))
    assert [layer.name for layer in viewer.layers] == ["m3", "m3 · denoised"]
    raw, denoised = viewer.layers
    np.testing.assert_array_equal(raw.scale, denoised.scale)
    np.testing.assert_array_equal(denoised.data, mrc.read(results(grids) / ALL[3]).data)
    assert viewer.canvas.grid.enabled
    assert denoised.metadata["cryoden"]["model"] == str(ready.model.path)
    ready.files.open_button.click()
    assert len(viewer.layers) == 2, "the last one is open already"
    listed.item(0).setSelected(True)
    ready.files.open_button.click()
    assert [layer.name for layer in viewer.layers if layer.visible] == ["m0", "m0 · denoised"]


def test_a_result_that_is_gone_is_told_in_one_line(
    qtbot: Any, ready: Any, grids: Path, viewer: Any, notices: Any
) -> None:
    run(qtbot, ready)
    gone = results(grids) / ALL[3]
    gone.unlink()
    ready.files.open_button.click()
    assert [line[:3] for line in notices] == ["F49"]
    assert str(gone) in notices[0]
    assert list(viewer.layers) == []


def test_what_ends_a_batch_is_told_in_one_line(qtbot: Any, ready: Any, tmp_path: Path, notices: Any) -> None:
    (tmp_path / "empty").mkdir()
    ready.micrographs.path = tmp_path / "empty"
    with qtbot.waitSignal(ready.batch.ended):
        ready.denoise_button.click()
    assert [line.split(" match")[0] for line in notices] == ["D01  0 micrographs"]
    assert ready.status.text() == notices[0]
    assert ready.denoise_button.isEnabled()


def test_thousands_of_files_keep_no_more_than_the_last_ones(batch: Any) -> None:
    job = batch.batch
    for number in range(3 * KEPT):
        path = Path(f"m{number}.mrc")
        job.fold(FileStarted(path, number, 3 * KEPT))
        job.fold(FileFinished(path, path, 1.0, ("F28: pixel size missing",) if number % 2 else ()))
        if number % 7 == 0:
            job.changed.emit()
    job.changed.emit()
    shown = [batch.files.results.item(row).text() for row in range(batch.files.results.count())]
    assert shown[-2:] == ["m298.mrc · 1.0 s", "m299.mrc · 1.0 s · remarks: 1"]
    assert (len(shown), len(job.results), shown[0][:5]) == (KEPT, KEPT, "m200.")
    assert batch.files.done.text() == "<b>Done</b> (300)"
    assert batch.files.results.item(KEPT - 1).toolTip() == "m299.mrc\nF28: pixel size missing"
