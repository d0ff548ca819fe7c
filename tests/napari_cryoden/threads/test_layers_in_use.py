from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from napari.layers import LayerLock

from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings
from napari_cryoden.jobs.denoising import DenoisingJob
from napari_cryoden.threads.layers_in_use import LayersInUse


@pytest.fixture
def layer(viewer: Any) -> Any:
    return viewer.add_image(np.zeros((64, 64), np.float32), name="m1")


def test_a_layer_cannot_be_removed_in_the_list_while_it_is_worked_on(viewer: Any, layer: Any) -> None:
    held = LayersInUse(viewer, [layer], "Denoising")
    viewer.layers.selection = {layer}
    viewer.layers.remove_selected()
    assert layer in viewer.layers
    assert held.words == "m1 is locked until then"
    held.release()
    viewer.layers.remove_selected()
    assert layer not in viewer.layers


def test_a_lock_of_the_user_stays(viewer: Any, layer: Any) -> None:
    layer.locked = True
    LayersInUse(viewer, [layer], "Denoising").release()
    assert layer.locked == LayerLock.ALL


def test_what_comes_of_a_layer_that_is_changed_or_removed_all_the_same_is_said(
    viewer: Any, layer: Any, remarks: list[str]
) -> None:
    held = LayersInUse(viewer, [layer], "Denoising")
    layer.data = np.ones((64, 64), np.float32)
    assert remarks[-1] == "m1 — was changed; denoising continues with the pixels as they were"
    viewer.layers.remove(layer)
    assert remarks[-1] == "m1 — was removed; denoising continues with the pixels as they were"
    held.release()
    said = len(remarks)
    layer.data = np.zeros((64, 64), np.float32)
    assert len(remarks) == said


def test_a_micrograph_is_locked_while_it_is_denoised_and_the_status_says_so(
    qtbot: Any,
    viewer: Any,
    halves: list[Any],
    step_by_step: None,  # noqa: ARG001
) -> None:
    job, seen = DenoisingJob.of(viewer), []
    job.changed.connect(lambda: seen.append((job.running, bool(halves[0].locked), job.status)))
    with qtbot.waitSignal(job.ended):
        job.denoise(halves[0], GENERAL, DenoisingSettings(device="cpu"))
        assert halves[0].locked
        assert not halves[1].locked
    assert any("m1_EVN is locked until then" in status for _, _, status in seen)
    assert not halves[0].locked
    assert "locked" not in job.status


@pytest.mark.parametrize("first", [0, 1])
def test_a_layer_is_locked_until_the_last_of_two_is_done_with_it(viewer: Any, layer: Any, first: int) -> None:
    held = [LayersInUse(viewer, [layer], title) for title in ("Denoising", "Picking")]
    held[first].release()
    assert layer.locked == LayerLock.DELETION
    held[1 - first].release()
    assert not layer.locked


def test_it_is_known_that_a_layer_shows_something_else(viewer: Any, layer: Any) -> None:
    held = LayersInUse(viewer, [layer], "Denoising")
    before = bool(held.changed)
    layer.data = np.ones((64, 64), np.float32)
    assert (before, bool(held.changed)) == (False, True)
    held.release()
