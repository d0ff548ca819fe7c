from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from qtpy.QtWidgets import QMenu

from cryoden.formats import micrographs
from cryoden.io import mrc
from cryoden.model.general import GENERAL
from tests.napari_cryoden.grids import ALL, BAD, made, results, run, spoil


def test_the_dock_says_what_is_missing(batch: Any, grids: Path, tmp_path: Path) -> None:
    button = batch.denoise_button
    assert button.toolTip() == batch.status.text() == "Choose a folder of micrographs, or a STAR file"
    batch.micrographs.path = tmp_path / "nowhere"
    assert button.toolTip() == f"No such file or folder: {tmp_path / 'nowhere'}"
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
    rows = (ready.output.path / "micrographs_denoised.star").read_text().splitlines()[-3:]
    assert [row.split()[1] for row in rows] == [
        "micrographs_denoised/grid0/m0_denoised.mrc",
        "micrographs_denoised/grid1/m1_denoised.mrc",
        "None",
    ]


@pytest.mark.usefixtures("step_by_step")
def test_canceling_leaves_whole_files_and_the_same_button_goes_on(
    qtbot: Any, ready: Any, grids: Path
) -> None:
    ready.form.fields["tile"].value = 128
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
    ready.form.fields["tile"].value = 128
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


def test_what_ends_a_batch_is_told_in_one_line(qtbot: Any, ready: Any, tmp_path: Path, notices: Any) -> None:
    (tmp_path / "empty").mkdir()
    ready.micrographs.path = tmp_path / "empty"
    with qtbot.waitSignal(ready.batch.ended):
        ready.denoise_button.click()
    assert [line.split(" match")[0] for line in notices] == ["D01  0 micrographs"]
    assert ready.status.text() == notices[0]
    assert ready.denoise_button.isEnabled()


def test_a_pixel_size_that_no_header_says_is_given_for_a_batch(qtbot: Any, ready: Any, grids: Path) -> None:
    for file in grids.rglob("*.mrc"):
        mrc.write(file, micrographs.read(file).data, pixel_size=None, label="simulated")
    ready.reading.fields["pixel_size"].value = 2.5
    run(qtbot, ready)
    assert {micrographs.read(file).pixel_size for file in results(grids).rglob("*.mrc")} == {2.5}


def test_a_list_of_devices_that_nobody_understands_begins_nothing(ready: Any, notices: Any) -> None:
    ready.devices.setCurrentText("the big one")
    ready.denoise_button.click()
    assert not ready.batch.running
    assert "S01" in ready.status.text()
    assert notices


def test_a_batch_on_two_processes_leaves_what_one_leaves_and_the_choice_is_kept(
    qtbot: Any, ready: Any, grids: Path, docked: Any
) -> None:
    pytest.importorskip("distributed", reason="needs the extra [cluster]")
    assert run(qtbot, ready) == "4 done, 0 failed"
    alone = {path: path.read_bytes() for path in results(grids).rglob("*.mrc")}
    for path in alone:
        path.unlink()
    ready.devices.setCurrentText("2 processes on the CPU")
    with qtbot.waitSignal(ready.batch.ended, timeout=120_000):
        ready.denoise_button.click()
    assert ready.batch.tally.ended.device.startswith("2 × CPU")
    assert {path: path.read_bytes() for path in results(grids).rglob("*.mrc")} == alone
    assert docked("Batch")[1].devices.currentText() == "2 processes on the CPU"


def test_the_results_of_a_batch_are_one_press_from_browsing(
    qtbot: Any, ready: Any, grids: Path, viewer: Any
) -> None:
    assert not ready.browse_button.isVisible()
    run(qtbot, ready)
    assert ready.browse_button.isVisible()
    ready.browse_button.click()
    browse = viewer.window.dock_widgets["Browse (napari-cryoden)"]
    assert (browse.source.path, browse.sources.results.path) == (grids, results(grids))
    qtbot.waitUntil(lambda: len(browse.session.table.order) == 4)
