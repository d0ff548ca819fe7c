"""A window that is kept open for days: what is closed is gone, and what failed has let go."""

from __future__ import annotations

import gc
import threading
from pathlib import Path
from typing import Any

from npe2 import PluginManifest
from qtpy.QtCore import QEvent, QTimer
from qtpy.QtWidgets import QApplication

from cryoden.model import checkpoint
from cryoden.settings.training import TrainingSettings
from tests.cryoden.training.small_memory import room_for

ROUNDS = 3  # what one opening leaves behind is there three times, too


def names(manifest: PluginManifest) -> list[str]:
    return [widget.display_name for widget in manifest.contributions.widgets or ()]


def held(viewer: Any) -> dict[str, int]:
    """How much of each kind lives in the window."""
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    window = viewer.window._qt_window
    emitters = (viewer.layers.events.inserted, viewer.layers.events.removed, viewer.events.theme)
    return {
        "widgets": len(QApplication.allWidgets()),
        "timers": len(window.findChildren(QTimer)) + list(map(type, gc.get_objects())).count(QTimer),
        "threads": threading.active_count(),
        "callbacks": sum(map(_alive, (one for emitter in emitters for one in emitter.callbacks))),
    }


def _alive(callback: Any) -> bool:
    """Whether an emitter still has whom to call: napari forgets the dead when it calls them next."""
    return not isinstance(callback, tuple) or callback[0]() is not None


def test_docks_opened_and_closed_again_and_again_leave_nothing(
    qtbot: Any, viewer: Any, docked: Any, manifest: PluginManifest, add_halves: Any
) -> None:
    add_halves()
    every = names(manifest)

    def once(name: str) -> None:
        dock, _ = docked(name)
        QApplication.processEvents()
        dock.destroyOnClose()

    for name in every:  # what the window itself keeps: its jobs, and the plot below the canvas
        once(name)
    qtbot.waitUntil(lambda: not [t for t in threading.enumerate() if t.name == "cryoden-worker"])
    before = held(viewer)
    for name in every * ROUNDS:
        once(name)
    qtbot.waitUntil(lambda: not [t for t in threading.enumerate() if t.name == "cryoden-worker"])
    assert held(viewer) == before


def test_after_running_out_of_memory_the_next_run_works(
    qtbot: Any, docked: Any, add_halves: Any, tmp_path: Path, notices: list[str]
) -> None:
    train = docked("Train a denoiser")[1]
    add_halves()
    qtbot.waitUntil(train.train_button.isEnabled)
    too_much = TrainingSettings(
        device="cpu", network="baseline", epochs=1, steps_per_epoch=1, batch=4, patch=64
    )
    train.form.set(too_much)
    train.folder.path = tmp_path / "too_much"
    with room_for(0), qtbot.waitSignal(train.run.ended):  # not for a single patch
        train.train_button.click()
    assert notices[0].startswith("T06  out of memory")
    assert train.run.state == "failed"
    train.form.set(TrainingSettings(device="cpu", epochs=2, steps_per_epoch=1, batch=1, patch=64))
    train.folder.path = tmp_path / "less"
    with qtbot.waitSignal(train.run.ended):
        train.train_button.click()
    assert train.run.state == "finished"
    assert len(train.run.history.losses) == 2
    if train.run.model_file is not None:
        assert checkpoint.load(train.run.model_file).network == "unet"
