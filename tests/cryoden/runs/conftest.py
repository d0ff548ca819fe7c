"""Fixtures that several files of tests share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """What a program in another language might write."""
    rows = [f"{step},{0.013 + 0.43 * 0.97**step:.6f},{step * 0.07:.3f}" for step in range(1, 401)]
    head = ["# name: Fortran", "# hardware: one core", "# batch: 4", "# reported: false", "step,loss,seconds"]
    path = tmp_path / "fortran_log.csv"
    path.write_text("\n".join([*head, *rows]) + "\n")
    return path
