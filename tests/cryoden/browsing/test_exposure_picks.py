from __future__ import annotations

from pathlib import Path

import numpy as np

from cryoden.browsing.exposure_list import exposures_in
from cryoden.browsing.exposure_picks import PicksOfExposures, read_picks_of
from cryoden.browsing.file_facts import read_raw
from cryoden.picking.picks import Picks
from tests.cryoden.browsing.acquisition import NAMES, write_project

PLACES = np.array([[10.0, 20.0], [30.0, 40.0]])


def picks(name: str, **more: float) -> Picks:
    return Picks(name, PLACES, np.zeros(2), np.arange(2), **more)  # type: ignore[arg-type]


def test_picks_are_found_by_the_name_of_the_micrograph_whatever_programs_add(tmp_path: Path) -> None:
    first, second, third = exposures_in(write_project(tmp_path)).exposures
    known = PicksOfExposures([picks("Other/b_autopick"), picks(NAMES[2])])
    for exposure, wanted in ((first, 0), (second, 2), (third, 2)):
        raw = read_raw(exposure)
        assert raw is not None
        found = known.of(exposure, raw)
        assert (0 if found is None else len(found)) == wanted


def test_picks_on_a_binned_micrograph_are_put_where_they_belong(tmp_path: Path) -> None:
    exposure = exposures_in(write_project(tmp_path)).exposures[2]
    raw = read_raw(exposure)
    assert raw is not None
    found = PicksOfExposures([picks(NAMES[2], pixel_size=3.0)]).of(exposure, raw)
    assert found is not None
    assert found.centers.tolist() == (2 * PLACES).tolist()


def test_what_could_be_of_two_micrographs_is_shown_for_neither(tmp_path: Path) -> None:
    exposure = exposures_in(write_project(tmp_path)).exposures[1]
    raw = read_raw(exposure)
    assert raw is not None
    assert PicksOfExposures([picks("one/b.mrc"), picks("two/b.mrc")]).of(exposure, raw) is None


def test_files_of_coordinates_in_a_folder_are_read(tmp_path: Path) -> None:
    (tmp_path / "picks").mkdir()
    (tmp_path / "picks" / "c.box").write_text("10 20 8 8\n30 40 8 8\n")
    exposure = exposures_in(write_project(tmp_path)).exposures[2]
    raw = read_raw(exposure)
    assert raw is not None
    found = read_picks_of(tmp_path / "picks").of(exposure, raw)
    assert found is not None
    assert len(found) == 2
