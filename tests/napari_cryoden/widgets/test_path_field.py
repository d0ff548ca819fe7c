from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from napari_cryoden.choices.kept import Kept


@pytest.fixture
def train(docked: Any) -> Any:
    return docked("Train a denoiser")[1]


def test_a_home_folder_of_nobody_is_taken_as_it_is_typed(train: Any) -> None:
    typed = "~nobody of this name/runs/a"
    train.folder.line.setText(typed)
    assert train.folder.path == Path(typed)
    train.folder.line.setText("~/a")
    assert train.folder.path == Path.home() / "a"


@pytest.mark.parametrize(
    ("dock", "given", "ending"),
    [
        ("Batch", "micrographs", "denoised"),
        ("From movies", "movies", "halves"),
        ("Train a denoiser", "micrographs", "denoised"),
    ],
)
def test_the_output_of_a_project_that_is_gone_is_not_that_of_the_next(
    docked: Any, viewer: Any, grids: Path, dock: str, given: str, ending: str
) -> None:
    old = grids.with_name("old_output")
    old.mkdir()
    kept = Kept.of(viewer).values  # a window finds no micrographs there that are gone
    kept |= {f"{name}: output": str(old) for name in ("Batch", "Movies", "Train")}
    widget = docked(dock)[1]
    fields = widget.then if dock == "Train a denoiser" else widget
    assert fields.output.path is None
    getattr(fields, given).path = grids
    assert fields.output.path == grids.with_name(f"{grids.name}_{ending}")
