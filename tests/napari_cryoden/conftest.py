"""Real napari windows, which must leave neither widgets nor threads behind."""

from __future__ import annotations

import os

os.environ.setdefault("QT_API", "pyqt6")
os.environ["NAPARI_CONFIG"] = ""  # no settings of the person who runs the tests, read or written

import gc
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import mrcfile
import numpy as np
import pytest
import torch
from napari.layers import Layer
from napari.utils.notifications import notification_manager
from npe2 import PluginManifest
from npe2._pytest_plugin import TestPluginManager
from pytestqt.qtbot import QtBot

import napari_cryoden
from cryoden.io import mrc
from cryoden.micrograph import Micrograph
from cryoden.settings.training import TrainingSettings
from cryoden.workflows import train_model
from napari_cryoden.layers.layer_data import raw_layer
from napari_cryoden.threads import job
from tests.napari_cryoden import runs
from tests.napari_cryoden.patience import SECONDS, Patient
from tests.napari_cryoden.restless import Restless

PLUGIN = Path(napari_cryoden.__file__).parent


@pytest.fixture
def qtbot(qapp: Any, request: pytest.FixtureRequest) -> QtBot:  # noqa: ARG001  there must be one
    """pytest-qt's, with patience."""
    return Patient(request)


@pytest.fixture(autouse=True)
def _restless(request: pytest.FixtureRequest) -> Iterator[None]:
    """With ``--restless``, a slow event loop whose events come when it pleases."""
    seed = request.config.getoption("restless")
    if seed is None:
        yield
        return
    request.getfixturevalue("qapp")
    with Restless(f"{seed} {request.node.nodeid}"):
        yield


@pytest.fixture(autouse=True)
def _nobodys_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What is kept from one day to the next begins empty."""
    folder = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setattr("napari_cryoden.browsing.background.cached", lambda: folder)


@pytest.fixture(scope="session")
def manifest() -> PluginManifest:
    manifest: PluginManifest = PluginManifest.from_file(PLUGIN / "napari.yaml")
    return manifest


@pytest.fixture
def _what_is_older_is_no_garbage() -> None:
    """Python need not look through it each time a window closes, which takes longer than all else."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def viewer(
    _what_is_older_is_no_garbage: None,
    npe2pm: TestPluginManager,
    manifest: PluginManifest,
    make_napari_viewer: Callable[..., Any],
    plugin_settings: None,  # noqa: ARG001  the settings of this window alone
) -> Iterator[Any]:
    """A window that knows this plugin and no other."""
    with npe2pm.tmp_plugin(manifest=manifest):
        yield make_napari_viewer(strict_qt="raise", show=True)


@pytest.fixture(autouse=True)
def _a_window_waits_for_its_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """At its end, however slow the machine; a user's window has two seconds for it."""
    monkeypatch.setattr(job, "STOP_SECONDS", SECONDS)


@pytest.fixture
def step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that waits until the interface has taken its last event: a test can stop it before its end."""
    monkeypatch.setattr(job.Job, "ahead", 1)


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    left = [thread for thread in threading.enumerate() if thread.name == "cryoden-worker"]
    for thread in left:
        thread.join(SECONDS)
    assert not [thread for thread in left if thread.is_alive()], "a worker outlived its window"


@pytest.fixture(scope="session")
def model(tmp_path_factory: Any) -> Any:
    """A real model, of a run too short to be a good one."""
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    pairs = [runs.halves(f"m{s}", s) for s in (1, 2)]
    settings = TrainingSettings(epochs=30, steps_per_epoch=1, batch=1, patch=64)
    for _ in train_model.train_halves(pairs, path, settings):
        if path.exists():
            break
    assert path.exists()
    return path


@pytest.fixture
def write_mrc(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file the way other programs do, with mrcfile."""

    def write(name: str, data: Any, pixel_size: float | None = 1.2) -> Path:
        path = tmp_path / name
        with mrcfile.new(path, overwrite=True) as file:
            file.set_data(data)
            if pixel_size is not None:
                file.voxel_size = pixel_size
        return path

    return write


@pytest.fixture
def noise() -> Any:
    return np.random.default_rng(7).normal(5, 2, (96, 128)).astype(np.float32)


@pytest.fixture
def notices() -> Iterator[list[str]]:
    """What napari has told the user as an error, line by line."""
    yield from _told("error")


@pytest.fixture
def remarks() -> Iterator[list[str]]:
    """What napari has told the user as a warning, line by line."""
    yield from _told("warning")


def _told(severity: str) -> Iterator[list[str]]:
    told: list[str] = []

    def note(notification: Any) -> None:
        if str(notification.severity) == severity:
            told.append(notification.message)

    notification_manager.notification_ready.connect(note)
    yield told
    notification_manager.notification_ready.disconnect(note)


@pytest.fixture
def four_cores(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine of four cores with torch on all of them, whatever the tests run on."""
    before = torch.get_num_threads()
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Torch on one thread, whose sums have one order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def docked(viewer: Any) -> Callable[..., Any]:
    """Docks a widget of this plugin the way napari's menus do."""

    def dock(name: str) -> Any:
        return viewer.window.add_plugin_dock_widget("napari-cryoden", name)

    return dock


@pytest.fixture
def add_halves(viewer: Any) -> Callable[..., Any]:
    """Adds two small simulated pairs as layers."""

    def add() -> list[Any]:
        pairs = [runs.halves(f"m{s}", seed=s) for s in (1, 2)]
        halves = [half for pair in pairs for half in (pair.even, pair.odd)]
        return [viewer.add_layer(Layer.create(*raw_layer(cast("Micrograph", half)))) for half in halves]

    return add


@pytest.fixture
def write_pair(write_mrc: Any) -> Any:
    """Writes the halves of a simulated exposure."""

    def write(name: str, seed: int) -> None:
        pair = runs.halves(name, seed)
        for half in (pair.even, pair.odd):
            write_mrc(f"{half.name}.mrc", half.window(0, 0, *half.shape), half.pixel_size)

    return write


@pytest.fixture
def batch(docked: Any) -> Any:
    return docked("Batch")[1]


@pytest.fixture
def grids(tmp_path: Path) -> Path:
    """Two folders with two micrographs each."""
    for number in range(4):
        folder = tmp_path / "session" / f"grid{number % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        half = runs.halves(f"m{number}", number).even
        assert isinstance(half, Micrograph)
        mrc.write(folder / f"m{number}.mrc", half.data, pixel_size=half.pixel_size, label="simulated")
    return tmp_path / "session"


@pytest.fixture
def ready(batch: Any, grids: Path, model: Path) -> Any:
    """The dock, with everything chosen."""
    batch.micrographs.path = grids
    batch.model.path = model
    batch.form.fields["device"].value = "cpu"
    return batch


@pytest.fixture
def halves(add_halves: Callable[[], list[Any]]) -> list[Any]:
    return add_halves()


@pytest.fixture
def dock(docked: Callable[..., Any], halves: list[Any]) -> Any:  # noqa: ARG001  layers first
    """The Compare dock, opened when there are layers to compare."""
    return docked("Compare")[1]
