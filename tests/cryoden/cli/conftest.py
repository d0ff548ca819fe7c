"""Fixtures that several files of tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cryoden.scenes import scene, write_halves


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i in range(3):
        write_halves(tmp_path, scene(i))
    return tmp_path
