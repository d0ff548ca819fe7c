"""The traps of napari 0.9, superqt 0.9, magicgui 0.10 and torch, each met once and not again.

Traps 1 and 2 stand for the worker in test_worker.py, 4 in test_settings_form.py, 7 in test_loss_plot.py.
"""

from __future__ import annotations

import gc
import re
import threading
import tomllib
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cryoden.events.history import History
from cryoden.model import checkpoint
from napari_cryoden.jobs.training import TrainingJob
from napari_cryoden.layers import layer_data
from napari_cryoden.plots.loss_dock import TITLE
from napari_cryoden.threads.worker import Worker
from tests.napari_cryoden import runs
from tests.napari_cryoden.runs import pairs, quick

ROOT = Path(__file__).parents[2]


def workers() -> Any:
    return [thread for thread in threading.enumerate() if thread.name == "cryoden-worker"]


def begin(run: Any) -> None:
    run.begin(runs.endless, "starting")
    run.history = History()


def test_1_a_runtime_error_ends_the_run_in_words(qtbot: Any, docked: Any, notices: Any) -> None:
    train = docked("Train a denoiser")[1]

    def broken() -> Any:
        yield runs.started()
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    with qtbot.waitSignal(train.run.ended):
        train.run.begin(broken, "starting")
    assert [line[:3] for line in notices] == ["T06"]
    assert not train.stop_button.isEnabled()


def test_1_what_is_told_keeps_no_traceback_and_no_tensor(qtbot: Any, docked: Any) -> None:
    train = docked("Train a denoiser")[1]
    seen = []

    def broken() -> Any:
        tensor = torch.zeros(8)
        seen.append(weakref.ref(tensor))
        yield runs.started()
        raise RuntimeError("shapes do not fit")

    with qtbot.waitSignal(train.run.ended):
        train.run.begin(broken, "starting")
    gc.collect()
    assert seen[0]() is None


def test_2_a_run_that_ended_keeps_neither_worker_nor_material(qtbot: Any, viewer: Any) -> None:
    class Material:
        pass

    material = Material()
    held, run = weakref.ref(material), TrainingJob.of(viewer)

    def work(material: Any = material) -> Any:
        assert material is not None
        yield from runs.events()

    with qtbot.waitSignal(run.ended):
        run.begin(work, "starting")
        run.history = History()
    del material, work
    qtbot.waitUntil(lambda: not run.findChildren(Worker))
    gc.collect()
    assert held() is None
    assert not run.running


def test_3_closing_the_dock_keeps_the_run_and_opening_it_again_attaches(qtbot: Any, docked: Any) -> None:
    dock, train = docked("Train a denoiser")
    run = train.run
    begin(run)
    qtbot.waitUntil(lambda: len(run.history.steps) > 20)
    dock.destroyOnClose()
    assert run.running
    before = len(run.history.steps)
    qtbot.waitUntil(lambda: len(run.history.steps) > before)
    again = docked("Train a denoiser")[1]
    assert again.run is run
    assert again.stop_button.isEnabled()
    assert "epoch" in again.status.text()
    with qtbot.waitSignal(run.ended):
        again.stop_button.click()


def test_3_the_plot_comes_back_with_the_run_after_its_dock_was_closed(
    qtbot: Any, viewer: Any, docked: Any
) -> None:
    train = docked("Train a denoiser")[1]
    run = train.run
    begin(run)
    train.plot_button.click()
    viewer.window.dock_widgets[TITLE].parent().destroyOnClose()
    assert TITLE not in viewer.window.dock_widgets
    train.plot_button.click()
    plot = viewer.window.dock_widgets[TITLE].plot
    qtbot.waitUntil(lambda: plot.redraws > 0)
    with qtbot.waitSignal(run.ended):
        run.stop()


@pytest.mark.usefixtures("step_by_step")
def test_3_closing_the_window_stops_the_worker_and_leaves_the_best_model(
    qtbot: Any, viewer: Any, docked: Any, add_halves: Any, tmp_path: Any
) -> None:
    train = docked("Train a denoiser")[1]
    add_halves()
    qtbot.waitUntil(train.train_button.isEnabled)
    train.folder.path = tmp_path / "best"
    for name, value in {"steps_per_epoch": 1, "batch": 1, "patch": 64}.items():
        train.form.fields[name].value = value
    train.train_button.click()
    qtbot.waitUntil(lambda: train.run.model_file is not None)
    assert workers()
    viewer.close()
    assert not workers()
    assert checkpoint.load(tmp_path / "best" / "model.safetensors").network == "unet"


def test_5_the_worker_computes_with_gradients_whatever_the_interface_does(qtbot: Any, viewer: Any) -> None:
    run, modes = TrainingJob.of(viewer), []

    def work() -> Any:
        modes.append(torch.is_grad_enabled())
        yield runs.started()

    with torch.no_grad(), qtbot.waitSignal(run.ended):
        run.begin(work, "starting")
        run.history = History()
    assert modes == [True]
    assert torch.is_grad_enabled()


def test_6_no_qt_binding_is_forced_on_anybody() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = {re.split(r"[^a-z0-9]", one.lower())[0] for one in project["dependencies"]}
    assert not named & {"pyqt5", "pyqt6", "pyside2", "pyside6"}


def test_8_a_result_keeps_the_units_of_all_layers(viewer: Any, noise: Any) -> None:
    raw = viewer.add_image(noise, scale=(0.8, 0.8), units=("angstrom",) * 2, axis_labels=("y", "x"))
    data, attributes, _ = layer_data.result_layer(raw, layer_data.to_micrograph(raw), {})
    viewer.add_image(data, **attributes)
    assert [str(unit) for unit in viewer.layers.extent.units] == ["angstrom", "angstrom"]
    np.testing.assert_array_equal(viewer.layers[-1].scale, raw.scale)


def test_9_layers_are_held_as_objects_so_names_may_change(docked: Any, viewer: Any, noise: Any) -> None:
    denoise = docked("Denoise")[1]
    first, second = (viewer.add_image(noise, name=name) for name in ("a", "b"))
    denoise.layer.layer = second
    first.name, second.name = "b", "renamed"
    viewer.layers.move(1, 0)
    assert denoise.layer.layer is second
    assert denoise.layer.currentText() == "renamed"
    viewer.layers.remove(second)
    assert denoise.layer.layer is first


def test_10_the_manifest_is_shipped_inside_the_package() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    assert "napari_cryoden" in build["targets"]["wheel"]["packages"]
    assert (ROOT / "napari_cryoden" / "napari.yaml").is_file()


@pytest.mark.usefixtures("four_cores")
def test_11_the_library_computes_with_a_core_to_spare(qtbot: Any, viewer: Any, tmp_path: Any) -> None:
    run = TrainingJob.of(viewer)
    with qtbot.waitSignal(run.ended):
        run.train(pairs, tmp_path / "m", quick(device="cpu"))
    assert run.history is not None
    assert run.history.started is not None
    assert run.history.started.device == "CPU, 3 threads"
