"""Batches that tests run: two folders of micrographs, and what becomes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cryoden.formats import micrographs

BAD = "m2_bad.mrc"


def results(grids: Path) -> Path:
    return grids.with_name("session_denoised")


def spoil(grids: Path) -> Path:
    """Add a file that was not copied to its end."""
    (grids / "grid0" / BAD).write_bytes((grids / "grid0" / "m0.mrc").read_bytes()[:5000])
    return grids / "grid0" / BAD


def run(qtbot: Any, dock: Any) -> str:
    with qtbot.waitSignal(dock.batch.ended) as ended:
        dock.denoise_button.click()
    return str(ended.args[0]).rpartition(" (")[0]


def made(folder: Path) -> list[str]:
    """Return the results below a folder, each of which must be whole."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".star")
    assert {micrographs.read(path).shape for path in files} <= {(256, 256)}
    return [str(path.relative_to(folder)) for path in files]


ALL = ["grid0/m0_denoised.mrc", "grid0/m2_denoised.mrc", "grid1/m1_denoised.mrc", "grid1/m3_denoised.mrc"]
