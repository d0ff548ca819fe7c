"""Real napari windows, which must leave neither widgets nor threads behind."""

from __future__ import annotations

import os

os.environ.setdefault("QT_API", "pyqt6")
os.environ["NAPARI_CONFIG"] = ""  # no settings of the person who runs the tests, read or written

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from npe2 import PluginManifest
from npe2._pytest_plugin import TestPluginManager

import napari_cryoden

PLUGIN = Path(napari_cryoden.__file__).parent


@pytest.fixture
def manifest() -> PluginManifest:
    return PluginManifest.from_file(PLUGIN / "napari.yaml")


@pytest.fixture
def viewer(
    npe2pm: TestPluginManager, manifest: PluginManifest, make_napari_viewer: Callable[..., Any]
) -> Iterator[Any]:
    """A window that knows this plugin and no other."""
    with npe2pm.tmp_plugin(manifest=manifest):
        yield make_napari_viewer(strict_qt="raise", show=True)


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    left = [thread for thread in threading.enumerate() if thread.name == "cryoden-worker"]
    for thread in left:
        thread.join(10)
    assert not left, "a worker outlived its window"


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
