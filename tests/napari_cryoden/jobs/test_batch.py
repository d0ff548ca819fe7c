from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from cryoden.errors import TrainingError
from cryoden.settings.denoising import DenoisingSettings
from napari_cryoden.jobs.batch import BatchJob
from tests.napari_cryoden.grids import ALL, made, results, spoil


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
    ready.form.fields["tile"].value = 128
    ready.denoise_button.click()
    qtbot.waitUntil(lambda: ready.batch.tally.done > 0)
    assert viewer.window._task_status_manager.get_status() == ["napari-cryoden: Denoising a batch"]
    viewer.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "cryoden-worker"]
    assert 0 < len(made(results(grids))) < 4


def test_a_list_that_leads_out_of_its_project_is_denoised_and_that_is_said(
    qtbot: Any, ready: Any, grids: Path
) -> None:
    star = grids.parent / "project" / "list.star"
    star.parent.mkdir()
    star.write_text("data_\nloop_\n_rlnMicrographName #1\n../session/grid0/m0.mrc\n")
    assert not ready.note.isVisibleTo(ready)
    ready.micrographs.path = star
    with qtbot.waitSignal(ready.batch.ended):
        ready.denoise_button.click()
    assert ready.status.text().startswith("1 done")
    assert ready.note.text().startswith("D16: 1 of 1 files that list.star names lie outside its project")
    assert str(grids / "grid0" / "m0.mrc") in ready.note.text()
    assert ready.note.isVisibleTo(ready)
