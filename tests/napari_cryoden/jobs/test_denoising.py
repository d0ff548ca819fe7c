from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from cryoden.errors import MicrographError
from napari_cryoden.jobs.denoising import DenoisingJob
from napari_cryoden.threads.job import OUTDATED


@pytest.fixture
def denoise(docked: Any) -> Any:
    dock = docked("Denoise")[1]
    dock.both.setChecked(False)  # halves one by one
    return dock


@pytest.mark.usefixtures("step_by_step")
def test_closing_the_window_ends_a_denoising_and_leaves_no_file(
    qtbot: Any, denoise: Any, viewer: Any, add_halves: Any, model: Any, tmp_path: Any
) -> None:
    add_halves()
    denoise.model.path = model
    denoise.also_file.setChecked(True)
    denoise.output.path = tmp_path / "result.mrc"
    denoise.form.fields["tile"].value = 32
    denoise.denoise_button.click()
    qtbot.waitUntil(lambda: denoise.denoising.tiles[0] > 0)
    assert viewer.window._task_status_manager.get_status() == ["napari-cryoden: Denoising"]
    viewer.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "cryoden-worker"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("step_by_step")
def test_canceling_adds_and_writes_nothing(
    qtbot: Any, denoise: Any, viewer: Any, add_halves: Any, model: Any, tmp_path: Any
) -> None:
    add_halves()
    denoise.model.path = model
    denoise.also_file.setChecked(True)
    denoise.output.path = tmp_path / "result.mrc"
    denoise.form.fields["tile"].value = 64
    denoise.denoise_button.click()
    with qtbot.waitSignal(denoise.denoising.ended) as ended:
        denoise.cancel_button.click()
    assert ended.args[0] == "Canceled. Nothing was added or saved."
    assert len(viewer.layers) == 4
    assert list(tmp_path.iterdir()) == []


def test_a_layer_deleted_meanwhile_does_not_cost_the_result(
    qtbot: Any, denoise: Any, viewer: Any, add_halves: Any, model: Any
) -> None:
    raw, *_ = add_halves()
    denoise.model.path = model
    with qtbot.waitSignal(denoise.denoising.ended):
        denoise.denoise_button.click()
        viewer.layers.remove(raw)
    assert denoise.denoising.result in viewer.layers


def test_the_denoising_goes_on_without_its_dock(
    qtbot: Any, docked: Any, viewer: Any, add_halves: Any, model: Any
) -> None:
    dock, denoise = docked("Denoise")
    denoise.both.setChecked(False)
    add_halves()
    denoise.model.path = model
    denoise.denoise_button.click()
    job = DenoisingJob.of(viewer)
    with qtbot.waitSignal(job.ended):
        dock.destroyOnClose()
    assert job.result in viewer.layers
    assert docked("Denoise")[1].status.text().startswith("Done: layer 'm1_EVN · denoised'")


def test_the_pixels_of_a_result_are_memory_of_their_own(
    qtbot: Any, denoise: Any, add_halves: Any, model: Any
) -> None:
    add_halves()
    denoise.model.path = model
    with qtbot.waitSignal(denoise.denoising.ended):
        denoise.denoise_button.click()
    pixels = denoise.denoising.result.data
    while pixels.base is not None:
        pixels = pixels.base
        assert isinstance(pixels, np.ndarray), "memory that torch has lent, on a GPU page-locked"
    assert pixels.flags.owndata


def test_a_failure_is_told_when_the_dock_is_closed_and_once_when_two_are_open(
    qtbot: Any, docked: Any, viewer: Any, notices: list[str]
) -> None:
    def broken() -> Any:
        yield from ()
        raise OSError("the disk is gone")

    job = DenoisingJob.of(viewer)
    for names in ((), ("Denoise", "All steps")):
        for name in names:
            docked(name)
        notices.clear()
        with qtbot.waitSignal(job.ended):
            job.begin(broken, "denoising")
        assert len(notices) == 1
        assert "the disk is gone" in notices[0]


def test_the_confidence_stands_beside_the_result(
    qtbot: Any, denoise: Any, viewer: Any, tmp_path: Any
) -> None:
    """With limits of its own, which matching the contrast leaves alone."""
    noise = np.random.default_rng(0).normal(50, 7, (300, 300)).astype(np.float32)
    raw = viewer.add_image(noise, name="m", scale=(1.5, 1.5))
    denoise.form.fields["confidence"].value = True
    denoise.also_file.setChecked(True)
    denoise.output.path = tmp_path / "m_denoised.mrc"
    with qtbot.waitSignal(denoise.denoising.ended):
        denoise.denoise_button.click()
    (sure,) = [layer for layer in viewer.layers if layer.name == "m · confidence"]
    assert sure.contrast_limits == [0.5, 1.0]
    assert tuple(sure.scale) == tuple(raw.scale)
    assert sure in denoise.denoising.comparison.layers
    denoise.denoising.comparison.match("raw")
    assert sure.contrast_limits == [0.5, 1.0]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["m_confidence.mrc", "m_denoised.mrc"]


def test_a_result_is_not_added_to_a_layer_that_shows_another_micrograph_by_now(
    qtbot: Any, denoise: Any, viewer: Any, add_halves: Any, model: Any, tmp_path: Any
) -> None:
    """As when somebody pages on in Browse."""
    raw, *others = add_halves()
    denoise.model.path = model
    denoise.also_file.setChecked(True)
    denoise.output.path = tmp_path / "result.mrc"
    with qtbot.waitSignal(denoise.denoising.ended) as ended:
        denoise.denoise_button.click()
        raw.data = others[-1].data
    assert ended.args[0].startswith(OUTDATED)
    assert ended.args[0].endswith(f"The result is in {tmp_path / 'result.mrc'}")
    assert (tmp_path / "result.mrc").exists()
    assert list(viewer.layers) == [raw, *others]
    denoise.also_file.setChecked(False)
    with qtbot.waitSignal(denoise.denoising.ended):
        denoise.denoise_button.click()
    assert denoise.denoising.result in viewer.layers


def test_a_comparison_that_fails_is_said_and_the_denoising_ends(
    qtbot: Any,
    denoise: Any,
    add_halves: Any,
    model: Any,
    notices: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unreadable(*_: Any) -> None:
        raise MicrographError("F01", None, "the plane cannot be read")

    raw, *_ = add_halves()
    denoise.model.path = model
    monkeypatch.setattr(denoise.denoising.comparison, "show", unreadable)
    with qtbot.waitSignal(denoise.denoising.ended):
        denoise.denoise_button.click()
    assert not denoise.denoising.running
    assert not raw.locked
    assert len(notices) == 1
    assert "the plane cannot be read" in notices[0]
