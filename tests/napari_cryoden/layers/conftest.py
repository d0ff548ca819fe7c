"""Fixtures that several files of tests share."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def three(viewer: Any, noise: Any) -> Any:
    return [
        viewer.add_image(noise + number, name=f"m{number}", scale=(2, 2), units=("angstrom",) * 2)
        for number in range(3)
    ]
