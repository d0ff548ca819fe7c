from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from napari.settings import get_plugin_settings

from cryoden.errors import MicrographError
from cryoden.settings.fields import DEVICE
from cryoden.settings.training import TrainingSettings
from napari_cryoden.jobs.training import TrainingJob
from napari_cryoden.preferences import Preferences, preferences


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


@pytest.mark.parametrize("name", ["Train a denoiser", "Denoise", "Evaluate"])
def test_docks_begin_with_the_chosen_device(chosen: Any, docked: Any, name: str) -> None:
    chosen.computing.device = "cpu"
    assert docked(name)[1].form.settings().device == "cpu"


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
