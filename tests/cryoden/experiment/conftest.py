"""Fixtures that several files of tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from cryoden.io import mrc
from tests.cryoden.scenes import scene


@pytest.fixture(scope="module")
def micrographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two micrographs, 160 × 192 px, of twelve pairs with `settings`."""
    folder = tmp_path_factory.mktemp("micrographs")
    for seed in (1, 2):
        mrc.write(folder / f"m{seed}.mrc", scene(seed).even.data, pixel_size=1.5, label="made for a test")
    return folder
