from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from napari_cryoden.contributions.picks_reader import get_reader
from napari_cryoden.layers.picks_layer import is_picks
from tests.cryoden.picking.planted import PLACES, discs, written
from tests.cryoden.picking.test_known_particles import coordinates
from tests.napari_cryoden.picked import circles


def picks_in(viewer: Any) -> list[Any]:
    return [layer for layer in viewer.layers if is_picks(layer)]


def test_a_file_that_is_dropped_goes_to_the_micrographs_it_is_of(viewer: Any, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        written(tmp_path / f"{name}.mrc", discs())
        viewer.open(tmp_path / f"{name}.mrc", plugin="napari-cryoden")
    rows = "".join(f"Motion/{name}.mrc {x} {y}\n" for name in "ab" for y, x in PLACES)
    (tmp_path / "p.star").write_text(
        "data_particles\nloop_\n_rlnMicrographName #1\n_rlnCoordinateX #2\n_rlnCoordinateY #3\n" + rows
    )
    viewer.open(tmp_path / "p.star", plugin="napari-cryoden")
    assert [layer.name for layer in picks_in(viewer)] == ["a · p", "b · p"]
    np.testing.assert_allclose([place[:2] for place in circles(picks_in(viewer)[0])], 2 * PLACES)


def test_boxes_say_how_large_the_circles_are(viewer: Any, tmp_path: Path) -> None:
    viewer.open(written(tmp_path / "a.mrc", discs()), plugin="napari-cryoden")
    (tmp_path / "a.box").write_text("10 20 40 40\n")
    viewer.open(tmp_path / "a.box", plugin="napari-cryoden")
    assert circles(picks_in(viewer)[0]) == [(80.0, 60.0, 80.0)]


def test_other_text_and_lists_are_left_to_others(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "mics.star").write_text("data_\nloop_\n_rlnMicrographName #1\na.mrc\n")
    assert get_reader(str(tmp_path / "notes.txt")) is None
    assert get_reader(str(tmp_path / "mics.star")) is None
    assert get_reader(str(tmp_path / "a.mrc")) is None
    assert get_reader([str(coordinates(tmp_path / "p.star"))]) is not None


def test_without_its_micrograph_one_line_says_what_to_do(
    viewer: Any, tmp_path: Path, notices: list[str]
) -> None:
    viewer.open(coordinates(tmp_path / "p.star"), plugin="napari-cryoden")
    assert "K03" in notices[-1]
    assert "Open the micrographs" in notices[-1]
    assert not viewer.layers


def test_what_is_damaged_is_said_to_be(viewer: Any, tmp_path: Path, notices: list[str]) -> None:
    viewer.open(written(tmp_path / "a.mrc", discs()), plugin="napari-cryoden")
    (tmp_path / "a.box").write_text("10 twenty 40 40\n")
    viewer.open(tmp_path / "a.box", plugin="napari-cryoden")
    assert "K02" in notices[-1]
    assert len(viewer.layers) == 1
