from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from napari.settings import get_plugin_settings

from cryoden.errors import MicrographError
from cryoden.io import mrc
from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.fields import DEVICE
from cryoden.settings.tools import EvaluationSettings
from cryoden.settings.training import TrainingSettings
from napari_cryoden.jobs.batch import BatchJob
from napari_cryoden.jobs.denoising import DenoisingJob
from napari_cryoden.jobs.evaluation import EvaluationJob
from napari_cryoden.jobs.training import TrainingJob
from napari_cryoden.preferences import Preferences, preferences
from tests.napari_cryoden.runs import pairs


def declared(manifest: Any) -> dict[str, Any]:
    groups = manifest.contributions.configurations.values()
    return {name: one for group in groups for name, one in group.properties.items()}


def test_the_manifest_declares_every_preference_with_its_default(manifest: Any) -> None:
    assert {name: one.default for name, one in declared(manifest).items()} == asdict(Preferences())
    offered = declared(manifest)["device"].enum
    assert set(DEVICE.choices) < set(offered)
    assert all(TrainingSettings(device=name).device == name for name in offered)
    assert all(one.title and one.description for one in declared(manifest).values())


@pytest.mark.usefixtures("plugin_settings")
def test_where_napari_does_not_know_the_plugin_the_defaults_hold() -> None:
    assert preferences() == Preferences()


@pytest.fixture
def chosen(viewer: Any) -> Any:  # noqa: ARG001  the window knows the plugin
    return get_plugin_settings("napari-cryoden")


def test_what_is_changed_in_napari_is_followed_at_once(chosen: Any) -> None:
    assert preferences() == Preferences()
    chosen.viewing.scale_bar, chosen.computing.spare_cores = False, 3
    assert preferences() == Preferences(scale_bar=False, spare_cores=3)


@pytest.mark.parametrize("device", ["cpu", "cuda:1", "cuda:7"])
@pytest.mark.parametrize("name", ["Train a denoiser", "Denoise", "Batch", "Evaluate"])
def test_docks_begin_with_the_chosen_device(chosen: Any, docked: Any, name: str, device: str) -> None:
    chosen.computing.device = device
    assert docked(name)[1].form.settings().device == device


@pytest.mark.skipif(torch.cuda.device_count() > 7, reason="there is such a GPU here")
def test_a_gpu_that_is_not_there_is_refused_by_all_that_computes(
    qtbot: Any, chosen: Any, viewer: Any, tmp_path: Path, noise: Any
) -> None:
    chosen.computing.device = "cuda:7"
    device = preferences().device
    mrc.write(tmp_path / "m.mrc", noise, pixel_size=1.5, label="for a test")
    layer = viewer.add_image(noise, name="m")
    denoising, batch = DenoisingSettings(device=device), BatchJob.of(viewer)
    DenoisingJob.of(viewer).denoise(layer, GENERAL, denoising)
    batch.denoise(tmp_path / "m.mrc", tmp_path / "out", GENERAL, denoising)
    TrainingJob.of(viewer).train(pairs, tmp_path / "run", TrainingSettings(device=device))
    (pair, _) = pairs()
    layers = tuple(viewer.add_image(half.window(0, 0, *half.shape)) for half in (pair.even, pair.odd))
    evaluating = EvaluationJob.of(viewer)
    evaluating.evaluate(layers, None, [GENERAL], EvaluationSettings(device=device))
    for job in (DenoisingJob.of(viewer), batch, TrainingJob.of(viewer), evaluating):
        qtbot.waitUntil(lambda job=job: not job.running)
        assert job.status.startswith("S02  device = cuda:7 is not there"), job.status


@pytest.mark.usefixtures("four_cores")
def test_a_run_leaves_as_many_cores_as_were_chosen(
    qtbot: Any, chosen: Any, viewer: Any, tmp_path: Path
) -> None:
    chosen.computing.spare_cores = 3
    threads = []

    def opened() -> Any:
        threads.append(torch.get_num_threads())
        raise MicrographError("F24", None, "nothing to learn from")

    run = TrainingJob.of(viewer)
    with qtbot.waitSignal(run.ended):
        run.train(opened, tmp_path / "m", TrainingSettings())
    assert threads == [1]


def test_runs_are_proposed_in_the_chosen_folder_while_it_is_there(
    chosen: Any, docked: Any, tmp_path: Path
) -> None:
    chosen.computing.runs_folder = str(tmp_path / "runs")
    train = docked("Train a denoiser")[1]
    assert train.folder.path.parent != tmp_path / "runs"
    (tmp_path / "runs").mkdir()
    train.source.changed.emit()
    assert train.folder.path == tmp_path / "runs" / "run_1"


@pytest.mark.parametrize("wanted", [True, False])
def test_a_run_begins_with_a_live_preview_when_that_was_chosen(
    qtbot: Any, chosen: Any, docked: Any, add_halves: Any, tmp_path: Path, wanted: bool
) -> None:
    chosen.viewing.live_preview = wanted
    train, (first, *_) = docked("Train a denoiser")[1], add_halves()
    train.viewer.layers.selection.clear()
    qtbot.waitUntil(train.train_button.isEnabled)
    train.folder.path = tmp_path / "m"
    with qtbot.waitSignal(train.run.ended):
        train.train_button.click()
        assert train.preview.layer.layer is (first if wanted else None)
        train.run.stop()


def test_a_live_preview_prefers_the_active_layer_and_leaves_a_choice_alone(
    docked: Any,
    add_halves: Any,
) -> None:
    train, (first, *_, last) = docked("Train a denoiser")[1], add_halves()
    train.viewer.layers.selection.active = last
    train.preview.look_somewhere()
    assert train.preview.layer.layer is last
    train.preview.layer.layer = first
    train.preview.look_somewhere()
    assert train.preview.layer.layer is first
