"""The motion of a movie, drawn in Å from its STAR file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cryoden.errors import HalvesError
from napari_cryoden.plots.motion_dock import TITLE, show_motion

STAR = """
data_general

_rlnMicrographOriginalPixelSize   0.5

data_global_shift

loop_
_rlnMicrographFrameNumber #1
_rlnMicrographShiftX #2
_rlnMicrographShiftY #3
1 0.0 0.0
2 3.0 -4.0
"""


@pytest.fixture
def star(tmp_path: Path) -> Path:
    path = tmp_path / "m1_shifts.star"
    path.write_text(STAR)
    return path


def test_shifts_are_drawn_in_angstrom_and_said_in_words(viewer: Any, star: Path) -> None:
    dock = show_motion(viewer, star)
    right, down = (item.getData() for item in dock.plot.getPlotItem().listDataItems())
    assert (list(right[0]), list(right[1]), list(down[1])) == ([1, 2], [0.0, 1.5], [0.0, -2.0])
    assert dock.words.text() == "m1: 2 frames, at most 2.5 Å from the first"


def test_another_movie_takes_its_place_in_the_same_dock(viewer: Any, star: Path, tmp_path: Path) -> None:
    first = show_motion(viewer, star)
    other = tmp_path / "m2_shifts.star"
    other.write_text(STAR.replace("3.0", "6.0"))
    assert show_motion(viewer, other) is first is viewer.window.dock_widgets[TITLE]
    assert len(first.plot.getPlotItem().listDataItems()) == 2
    assert first.words.text().startswith("m2")


def test_a_list_without_shifts_is_refused_in_one_line(viewer: Any, tmp_path: Path) -> None:
    path = tmp_path / "list.star"
    path.write_text("data_\nloop_\n_rlnMicrographName\na.mrc\n")
    with pytest.raises(HalvesError, match=r"D01.*no shifts of frames"):
        show_motion(viewer, path)
