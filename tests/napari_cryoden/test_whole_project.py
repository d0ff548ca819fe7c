"""The way of a whole project in the viewer, as docs/whole-project.md goes it: by clicks, in one window."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import Qt

from cryoden.dataset.star_files import micrographs_of
from cryoden.model.checkpoint import load
from cryoden.picking.star_picks import read_star
from cryoden.settings.tools import SimulationSettings
from cryoden.simulation.files import simulate_files
from napari_cryoden.layers.half_pairs import pairs_of
from napari_cryoden.layers.layer_data import facts_of
from napari_cryoden.plots.evaluation_dock import TITLE as EVALUATION
from napari_cryoden.plots.motion_dock import TITLE as MOTION

SMALL = SimulationSettings(
    count=2, edge=320, pixel_size=3.0, particles=15, mass=450, dose=48, movies=8, drift=15, device="cpu"
)
TRAINING = {
    "network": "baseline",
    "epochs": 4,
    "steps_per_epoch": 25,
    "batch": 4,
    "patch": 64,
    "device": "cpu",
}


@pytest.fixture
def movies(tmp_path: Path) -> Path:
    list(simulate_files(tmp_path / "sim", SMALL))
    return tmp_path / "sim" / "movies.star"


def test_movies_become_halves_a_model_a_list_of_results_and_an_evaluation(
    qtbot: Any, docked: Any, viewer: Any, movies: Path
) -> None:
    pytest.importorskip("distributed", reason="needs the extra [cluster]")
    bench = docked("All steps")[1]
    sums = _made(qtbot, bench, viewer, movies)
    model = _trained(qtbot, bench)
    _denoised(qtbot, bench, viewer, sums, model)
    _picked(qtbot, bench, viewer, movies.parent / "particles" / "sim0000.star")
    _evaluated(qtbot, bench, viewer, model)


def _made(qtbot: Any, bench: Any, viewer: Any, movies: Path) -> Path:
    """Make the halves, which open with their motion, and go on to the training."""
    bench.bring("Open micrographs").movies_button.click()
    step = bench.bring("From movies")
    step.movies.path = movies
    step.form.fields["dose"].value = 6.0
    with qtbot.waitSignal(step.opening.ended):
        step.make_button.click()
    assert [pair.name for pair in pairs_of(viewer.layers)] == ["sim0000", "sim0001"]
    assert "8 frames" in viewer.window.dock_widgets[MOTION].words.text()
    step.train_button.click()
    sums: Path = step.output.path
    return sums


def _trained(qtbot: Any, bench: Any) -> Path:
    """Train on the folder that was handed on."""
    step = bench.bring("Train a denoiser")
    for name, value in TRAINING.items():
        step.form.fields[name].value = value
    qtbot.waitUntil(step.train_button.isEnabled)
    with qtbot.waitSignal(step.run.ended):
        step.train_button.click()
    model: Path = step.run.model_file
    assert load(model).network == "baseline"
    return model


def _denoised(qtbot: Any, bench: Any, viewer: Any, sums: Path, model: Path) -> None:
    """Denoise the list of the sums on two processes, and open a result beside its micrograph."""
    step = bench.bring("Batch")
    step.micrographs.path, step.model.path = sums / "micrographs.star", model
    step.devices.setCurrentText("2 processes on the CPU")
    with qtbot.waitSignal(step.batch.ended):
        step.denoise_button.click()
    assert step.status.text().startswith("2 done, 0 failed")
    star = step.output.path / "micrographs_denoised.star"
    assert micrographs_of(star) == [sums / "sim0000.mrc", sums / "sim0001.mrc"]
    (item,) = step.files.results.findItems("sim0000", Qt.MatchFlag.MatchContains)  # whichever was done last
    step.files.results.setCurrentItem(item)
    step.files.open_button.click()
    assert {facts_of(layer).get("role") for layer in viewer.layers} == {"raw", "denoised"}


def _picked(qtbot: Any, bench: Any, viewer: Any, truth: Path) -> None:
    """Pick the result, see that it is compared with the known coordinates, and save the picks."""
    step = bench.bring("Picks")
    step.form.fields["diameter"].value = 130.0
    step.open([truth])
    step.known.layer = step.picks.layer
    step.layer.layer = next(one for one in viewer.layers if facts_of(one).get("role") == "denoised")
    with qtbot.waitSignal(step.picking.ended):
        step.pick_button.click()
    assert "known particles" in step.status.text()
    saved = truth.with_name("mine.star")
    step.save(saved)
    (picks,) = read_star(saved)
    assert Path(picks.micrograph).name == "sim0000.mrc"
    assert len(picks) == len(step.picks.layer.data) > 0


def _evaluated(qtbot: Any, bench: Any, viewer: Any, model: Path) -> None:
    """Evaluate the model on the open pairs."""
    step = bench.bring("Evaluate")
    step.model.path = model
    step.form.fields["region"].value = "center"
    qtbot.waitUntil(step.evaluate_button.isEnabled)
    with qtbot.waitSignal(step.evaluating.ended):
        step.evaluate_button.click()
    assert EVALUATION in viewer.window.dock_widgets
    assert len(step.evaluating.result.table.assessed()) == 1
