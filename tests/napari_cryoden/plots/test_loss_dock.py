from __future__ import annotations

from typing import Any

from napari_cryoden.jobs.training import TrainingJob
from napari_cryoden.plots.loss_dock import show_plot
from tests.napari_cryoden import runs


def test_one_plot_follows_the_run_of_its_window(qtbot: Any, viewer: Any) -> None:
    plot, run = show_plot(viewer), TrainingJob.of(viewer)
    before, run.history = plot.redraws, runs.history()
    run.changed.emit()
    qtbot.waitUntil(lambda: plot.redraws > before)
    assert len(plot._curves["validation"].getData()[0]) == 6
    assert show_plot(viewer) is plot
