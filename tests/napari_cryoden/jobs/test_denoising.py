from __future__ import annotations

import gc
import threading
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QTimer

from cryoden.errors import MicrographError
from napari_cryoden.jobs.companions import Companions
from napari_cryoden.jobs.denoising import LATER, DenoisingJob
from napari_cryoden.layers.canvas import HIDDEN
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
    monkeypatch.setattr(denoise.denoising.comparison, "showing", unreadable)
    with qtbot.waitSignal(denoise.denoising.ended):
        denoise.denoise_button.click()
    assert not denoise.denoising.running
    assert not raw.locked
    assert len(notices) == 1
    assert "the plane cannot be read" in notices[0]


def _at_the_next_layer(viewer: Any, what: Any) -> None:
    """Do this in the turn after that in which the next layer is added."""

    def added(event: Any) -> None:
        viewer.layers.events.inserted.disconnect(added)
        QTimer.singleShot(0, lambda: what(event.value))

    viewer.layers.events.inserted.connect(added)


def test_all_that_is_made_is_seen_at_once(
    qtbot: Any, denoise: Any, viewer: Any, add_halves: Any, model: Any
) -> None:
    """It is added in several turns of the event loop, of which the canvas draws none but the last."""
    add_halves()
    denoise.model.path = model
    denoise.form.fields["confidence"].value = True
    seen: list[tuple[str, ...]] = []

    def drawn(event: Any) -> None:  # noqa: ARG001  vispy passes its event
        grid = f"grid {viewer.canvas.grid.enabled}"
        seen.append((grid, *(layer.name for layer in viewer.layers if layer.visible)))

    raw = tuple(layer.name for layer in viewer.layers)
    viewer.window._qt_viewer.canvas._scene_canvas.events.draw.connect(drawn)
    with qtbot.waitSignal(denoise.denoising.ended):
        denoise.denoise_button.click()
    shown = ("m1_EVN", "m1_EVN · low-pass 20 Å", "m1_EVN · denoised", "m1_EVN · confidence")
    qtbot.waitUntil(lambda: bool(seen) and seen[-1] == ("grid True", *shown))
    assert set(seen) <= {("grid False", *raw), ("grid True", *shown)}


def test_the_window_may_be_closed_while_results_are_added(
    qtbot: Any, denoise: Any, viewer: Any, add_halves: Any, model: Any
) -> None:
    add_halves()
    denoise.model.path = model
    closed: list[Any] = []

    def close(layer: Any) -> None:
        viewer.close()
        closed.append(layer)

    _at_the_next_layer(viewer, close)
    denoise.denoise_button.click()
    qtbot.waitUntil(lambda: bool(closed))
    qtbot.waitUntil(gc.isenabled)


def test_a_result_removed_while_others_are_added_is_shown_no_more(
    qtbot: Any, denoise: Any, viewer: Any, add_halves: Any, model: Any
) -> None:
    before = add_halves()
    denoise.model.path = model
    denoise.form.fields["confidence"].value = True
    _at_the_next_layer(viewer, viewer.layers.remove)
    with qtbot.waitSignal(denoise.denoising.ended):
        denoise.denoise_button.click()
    assert list(viewer.layers) == before
    assert not denoise.denoising.comparison.active
    assert all(layer.visible for layer in before)


def test_a_result_whose_micrograph_is_removed_while_it_is_added_stands_alone(
    qtbot: Any, denoise: Any, viewer: Any, add_halves: Any, model: Any
) -> None:
    raw, *_ = add_halves()
    denoise.model.path = model
    _at_the_next_layer(viewer, lambda _: viewer.layers.remove(raw))
    with qtbot.waitSignal(denoise.denoising.ended):
        denoise.denoise_button.click()
    assert denoise.denoising.result.visible
    assert not denoise.denoising.comparison.active


def _after_layers(viewer: Any, count: int, what: Any) -> None:
    """Do this in the turn after that in which so many layers are added."""
    added: list[Any] = []

    def note(event: Any) -> None:
        added.append(event.value)
        if len(added) == count:
            viewer.layers.events.inserted.disconnect(note)
            QTimer.singleShot(0, lambda: what(added[0]))

    viewer.layers.events.inserted.connect(note)


@pytest.mark.parametrize("is_compared", [False, True])
def test_a_result_is_seen_when_its_layer_shows_another_micrograph_while_it_is_added(
    qtbot: Any, denoise: Any, viewer: Any, add_halves: Any, model: Any, is_compared: bool
) -> None:
    raw, *others = add_halves()
    denoise.model.path = model
    comparison = denoise.denoising.comparison
    if is_compared:
        comparison.show(*others[:2])
    _at_the_next_layer(viewer, lambda _: setattr(raw, "data", others[-1].data))
    with qtbot.waitSignal(denoise.denoising.ended) as ended:
        denoise.denoise_button.click()
    result = denoise.denoising.result
    assert LATER in ended.args[0]
    assert (HIDDEN in ended.args[0]) == is_compared == (not result.visible)
    comparison.leave()
    assert result.visible
    assert list(viewer.layers) == [raw, *others, result]


def test_a_result_is_seen_when_something_goes_wrong_after_it_was_added(
    qtbot: Any, denoise: Any, add_halves: Any, model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("no such cell")

    add_halves()
    denoise.model.path = model
    monkeypatch.setattr(Companions, "add", broken)
    with qtbot.capture_exceptions() as raised, qtbot.waitSignal(denoise.denoising.ended):
        denoise.denoise_button.click()
    assert len(raised) == 1
    assert denoise.denoising.result.visible


def test_what_is_being_added_cannot_be_canceled_any_more(
    qtbot: Any, denoise: Any, viewer: Any, add_halves: Any, model: Any
) -> None:
    add_halves()
    denoise.model.path = model
    can_be: list[bool] = []

    def cancel(_: Any) -> None:
        can_be.append(denoise.cancel_button.isEnabled())
        denoise.denoising.stop()

    _at_the_next_layer(viewer, cancel)
    with qtbot.waitSignal(denoise.denoising.ended) as ended:
        denoise.denoise_button.click()
    assert can_be == [False]
    assert denoise.denoising.state == "finished"
    assert ended.args[0].startswith("Done: layer 'm1_EVN · denoised'")


def test_with_a_result_that_is_removed_goes_what_was_to_stand_beside_it_and_that_is_said(
    qtbot: Any, denoise: Any, viewer: Any, add_halves: Any, model: Any
) -> None:
    before = add_halves()
    denoise.model.path = model
    denoise.form.fields["confidence"].value = True
    _after_layers(viewer, 2, viewer.layers.remove)
    with qtbot.waitSignal(denoise.denoising.ended) as ended:
        denoise.denoise_button.click()
    assert list(viewer.layers) == before
    assert ended.args[0] == "Layer 'm1_EVN · denoised' was removed."
