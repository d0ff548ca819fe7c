"""From movies whose motion is known to halves that a training takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cryoden.dataset.half_checks import inspect
from napari_cryoden.layers.half_pairs import pairs_of
from napari_cryoden.layers.plane import pixel_size
from napari_cryoden.plots.motion_dock import TITLE
from tests.cryoden.movies.movies import PIXEL, drift, movie_frames, write_mrc


@pytest.fixture
def dock(docked: Any) -> Any:
    return docked("From movies")[1]


@pytest.fixture
def movies(tmp_path: Path) -> Path:
    folder = tmp_path / "Movies"
    folder.mkdir()
    for number in range(2):
        write_mrc(folder / f"m{number}.mrcs", movie_frames())
    return folder


def make(qtbot: Any, dock: Any) -> str:
    with qtbot.waitSignal(dock.making.ended):
        dock.make_button.click()
    status: str = dock.status.text()
    return status.split(", in ", maxsplit=1)[0].split(" (0:", maxsplit=1)[0]


def test_the_dock_says_what_is_missing_and_proposes_a_folder(dock: Any, movies: Path) -> None:
    assert (
        dock.status.text()
        == dock.make_button.toolTip()
        == "Choose a folder of movies, a movie or a STAR file"
    )
    dock.movies.path = movies
    assert dock.output.path == movies.with_name("Movies_halves")
    assert dock.make_button.isEnabled()
    dock.gain.path = movies / "gain.mrc"
    assert dock.make_button.toolTip() == f"No such file or folder: {movies / 'gain.mrc'}"
    assert not dock.train_button.isEnabled()


def test_movies_become_layers_that_are_halves_and_their_motion_is_drawn(
    qtbot: Any, dock: Any, movies: Path, viewer: Any
) -> None:
    dock.movies.path = movies
    dock.form.fields["dose"].value = 1.2
    assert make(qtbot, dock) == "2 done, 0 failed"
    qtbot.waitUntil(lambda: len(viewer.layers) == 4 and not dock.opening.running)
    pairs = pairs_of(viewer.layers)
    assert [pair.name for pair in pairs] == ["m0", "m1"]
    assert pixel_size(pairs[0].even) == pytest.approx(PIXEL)
    assert inspect(pairs[0].opener()()).kind == "ready"
    drawn = viewer.window.dock_widgets[TITLE]
    right, down = (item.getData()[1] for item in drawn.plot.getPlotItem().listDataItems())
    np.testing.assert_allclose(np.stack([down, right], 1), PIXEL * drift(), atol=0.3)
    assert drawn.words.text().startswith("m1: 12 frames, at most 1")


def test_the_halves_are_what_a_training_takes(qtbot: Any, dock: Any, movies: Path, docked: Any) -> None:
    dock.movies.path = movies
    make(qtbot, dock)
    dock.train_button.click()
    train = docked("Train a denoiser")[1]
    qtbot.waitUntil(lambda: not train.source.pairs.checking)
    assert train.source.problem == ""
    assert len(train.source.pairs.chosen()) == 2


def test_what_is_done_is_skipped_and_what_fails_is_listed(qtbot: Any, dock: Any, movies: Path) -> None:
    dock.movies.path = movies
    make(qtbot, dock)
    write_mrc(movies / "m2.mrcs", movie_frames(4))
    broken = movies / "m2.mrcs"
    broken.write_bytes(broken.read_bytes()[:5000])
    assert make(qtbot, dock) == "0 done, 2 skipped (already done), 1 failed"
    assert dock.files.failures.item(0).text().startswith("m2.mrcs")


@pytest.mark.usefixtures("step_by_step")
def test_a_canceled_batch_leaves_no_half_written_sums(qtbot: Any, dock: Any, movies: Path) -> None:
    dock.movies.path = movies
    dock.make_button.click()
    qtbot.waitUntil(lambda: 0 < (dock.making.progress or 0) < 0.5)
    with qtbot.waitSignal(dock.making.ended):
        dock.cancel_button.click()
    assert dock.status.text().startswith("Canceled: 0 done")
    assert list(dock.output.path.glob("*")) == []


def test_the_open_dock_leads_here(docked: Any, viewer: Any) -> None:
    docked("Open micrographs")[1].movies_button.click()
    assert any("From movies" in name for name in viewer.window.dock_widgets)
