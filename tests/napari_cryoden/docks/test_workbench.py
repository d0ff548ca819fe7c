from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from npe2 import PluginManifest

from cryoden.events.history import History
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
