from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from npe2 import PluginManifest

from cryoden.events.history import History
from cryoden.runs.folder import RunFolder
from napari_cryoden.docks.workbench import STEPS
from napari_cryoden.jobs.training import TrainingJob
from tests.napari_cryoden import runs


@pytest.fixture
def workbench(docked: Callable[..., Any]) -> Any:
    return docked("All steps")[1]


def test_every_dock_of_the_plugin_is_a_step(manifest: PluginManifest) -> None:
    widgets = manifest.contributions.widgets or []
    assert set(STEPS) == {widget.display_name for widget in widgets} - {"All steps"}


def test_a_step_is_made_when_it_is_asked_for_and_kept(workbench: Any) -> None:
    assert workbench.buttons["Open micrographs"].isChecked()
    workbench.buttons["Denoise"].click()
    denoise = workbench.bring("Denoise")
    workbench.buttons["Compare"].click()
    assert not denoise.isVisible()
    workbench.buttons["Denoise"].click()
    assert workbench.bring("Denoise") is denoise
    assert denoise.isVisible()


def test_a_run_goes_on_while_another_step_is_in_front(qtbot: Any, workbench: Any, viewer: Any) -> None:
    run = TrainingJob.of(viewer)
    run.begin(lambda: (event for event in runs.events()), "starting")
    run.history = History()
    workbench.bring("Runs")
    qtbot.waitUntil(lambda: not run.running)
    assert "Done" in workbench.bring("Train a denoiser").status.text()


def test_the_steps_keep_their_height_when_the_dock_is_opened_again(qtbot: Any, viewer: Any) -> None:
    for _ in range(3):
        dock, bench = viewer.window.add_plugin_dock_widget("napari-cryoden", "All steps")
        qtbot.waitUntil(lambda bench=bench: bench.height() > 500)
        bench.layout().activate()
        assert bench.height() - bench._stack.height() < 100
        viewer.window.remove_dock_widget(dock)


def reopened(viewer: Any) -> Any:
    for name in list(viewer.window.dock_widgets):
        viewer.window._wrapped_dock_widgets[name].destroyOnClose()
    return viewer.window.add_plugin_dock_widget("napari-cryoden", "All steps")[1]


def test_the_dock_comes_back_at_the_step_that_was_open(qtbot: Any, docked: Any, viewer: Any) -> None:
    workbench = docked("All steps")[1]
    workbench.buttons["Train a denoiser"].click()
    again = reopened(viewer)
    assert again.buttons["Train a denoiser"].isChecked()
    qtbot.waitUntil(again.bring("Train a denoiser").isVisible)


def test_a_dock_that_is_opened_again_remembers_what_was_chosen(
    qtbot: Any, docked: Any, viewer: Any, write_pair: Any, tmp_path: Path
) -> None:
    workbench = docked("All steps")[1]
    write_pair("m1", 1)
    micrographs = workbench.bring("Open micrographs")
    micrographs.show_paths([tmp_path])
    train, batch = workbench.bring("Train a denoiser"), workbench.bring("Batch")
    train.form.fields["minutes"].value = 2.5
    train.source.learn_from(tmp_path)
    batch.micrographs.path, batch.model.path = tmp_path, tmp_path / "mine.safetensors"
    batch.replace.setChecked(True)
    again = reopened(viewer)
    train, batch = again.bring("Train a denoiser"), again.bring("Batch")
    assert train.form.settings().minutes == 2.5
    qtbot.waitUntil(train.train_button.isEnabled)
    assert train.source.folder.path == tmp_path
    assert (batch.micrographs.path, batch.model.path) == (tmp_path, tmp_path / "mine.safetensors")
    assert batch.replace.isChecked()
    qtbot.waitUntil(lambda: again.bring("Open micrographs").list.count() == 1)


def test_a_dock_that_is_opened_during_a_run_shows_its_folder_and_what_is_looked_at(
    qtbot: Any, docked: Any, viewer: Any, halves: list[Any], tmp_path: Path
) -> None:
    workbench = docked("All steps")[1]
    train = workbench.bring("Train a denoiser")
    train.preview.layer.layer = halves[2]
    train.run.begin(runs.endless, "starting")
    train.run.history, train.run.folder = History(), RunFolder(tmp_path / "run_1")
    (tmp_path / "run_1").mkdir()
    train = reopened(viewer).bring("Train a denoiser")
    assert train.folder.path == tmp_path / "run_1"
    assert train.preview.layer.layer is halves[2]
    train.source.changed.emit()
    assert train.folder.path == tmp_path / "run_1"
    with qtbot.waitSignal(train.run.ended):
        train.run.stop()
    assert train.folder.path != tmp_path / "run_1"
