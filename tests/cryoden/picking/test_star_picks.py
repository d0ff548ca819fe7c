from __future__ import annotations

from pathlib import Path

import gemmi
import numpy as np
import pytest

from cryoden.picking.picks import PicksError
from cryoden.picking.star_picks import own_name, read_cbox, read_star
from tests.cryoden.hostile import DATA

FIELD = DATA / "field"
CBOX = """data_global

_cbox_format_version 1.0

data_cryolo

loop_
_CoordinateX #1
_CoordinateY #2
_CoordinateZ #3
_Width #4
_Height #5
_Depth #6
_EstWidth #7
_EstHeight #8
_Confidence #9
_NumBoxes #10
_Angle #11
"""


@pytest.mark.parametrize("name", ["relion5.star", "relion31.6opticsgroups.star"])
def test_real_particles_are_what_another_reader_of_the_format_reads(name: str) -> None:
    path = FIELD / "cryosparc" / name
    if not path.is_file():
        pytest.skip("metadata files of other programs are not here")
    table = (
        gemmi.cif.read(str(path))
        .find_block("particles")
        .find("_rln", ["MicrographName", "CoordinateX", "CoordinateY", "AutopickFigureOfMerit"])
    )
    expected: dict[str, list[tuple[float, ...]]] = {}
    for row in table:
        expected.setdefault(row[0], []).append(tuple(float(value) for value in (row[2], row[1], row[3])))
    found = {one.micrograph: one for one in read_star(path)}
    assert list(found) == list(expected)
    for micrograph, rows in expected.items():
        one = found[micrograph]
        np.testing.assert_array_equal(np.column_stack([one.centers, one.merits]), np.array(rows))


def test_the_pixel_size_is_that_of_the_micrograph_by_optics_group(tmp_path: Path) -> None:
    path = tmp_path / "p.star"
    path.write_text(
        "data_optics\nloop_\n_rlnOpticsGroup\n_rlnMicrographPixelSize\n_rlnImagePixelSize\n1 1.0 4\n2 2.0 4\n"
        "data_particles\nloop_\n_rlnMicrographName\n_rlnCoordinateX\n_rlnCoordinateY\n_rlnOpticsGroup\n"
        "a.mrc 1 2 2\nb.mrc 1 2 1\n"
    )
    assert [one.pixel_size for one in read_star(path)] == [2.0, 1.0]


def test_particles_of_binned_boxes_do_not_make_the_micrograph_binned(tmp_path: Path) -> None:
    path = tmp_path / "p.star"
    path.write_text(
        "data_optics\nloop_\n_rlnOpticsGroup\n_rlnImagePixelSize\n1 4.0\n"
        "data_particles\nloop_\n_rlnMicrographName\n_rlnCoordinateX\n_rlnCoordinateY\n_rlnOpticsGroup\n"
        "a.mrc 1 2 1\n"
    )
    assert read_star(path)[0].pixel_size is None


def test_picks_of_one_micrograph_are_named_for_their_file(tmp_path: Path) -> None:
    path = tmp_path / "mic_7_autopick.star"
    path.write_text(
        "data_\nloop_\n_rlnCoordinateX #1\n_rlnCoordinateY #2\n_rlnAutopickFigureOfMerit #3\n"
        "10 20 -999\n3 4 0.5\n"
    )
    (one,) = read_star(path)
    assert (one.micrograph, one.centers.tolist()) == ("mic_7", [[20, 10], [4, 3]])
    assert np.isnan(one.merits[0])
    assert one.merits[1] == 0.5
    assert own_name(Path("a/b_manualpick.star")) == "b"


def test_a_file_of_no_picks_stands_for_a_micrograph_without_particles(tmp_path: Path) -> None:
    path = tmp_path / "empty.star"
    path.write_text("data_particles\nloop_\n_rlnCoordinateX #1\n_rlnCoordinateY #2\n")
    (one,) = read_star(path)
    assert (one.micrograph, len(one)) == ("empty", 0)


def test_a_list_of_coordinates_names_the_micrographs(tmp_path: Path) -> None:
    (tmp_path / "AutoPick").mkdir()
    (tmp_path / "AutoPick" / "x_autopick.star").write_text(
        "data_\nloop_\n_rlnCoordinateX #1\n_rlnCoordinateY #2\n10 20\n"
    )
    (tmp_path / "autopick.star").write_text(
        "data_coordinate_files\nloop_\n_rlnMicrographName #1\n_rlnMicrographCoordinates #2\n"
        "Motion/x.mrc AutoPick/x_autopick.star\nMotion/y.mrc AutoPick/y_autopick.star\n"
    )
    (one,) = read_star(tmp_path / "autopick.star")
    assert (one.micrograph, one.centers.tolist()) == ("Motion/x.mrc", [[20, 10]])
    assert one.source == tmp_path / "AutoPick" / "x_autopick.star"


def test_boxes_of_cryolo_have_their_confidence_and_a_center(tmp_path: Path) -> None:
    path = tmp_path / "m.cbox"
    path.write_text(
        CBOX
        + "100.5 200 <NA> 40 40 <NA> 38 37 0.75 12 <NA>\n\ndata_cryolo_include\n\nloop_\n_slice_index #1\n"
    )
    (one,) = read_cbox(path)
    assert (one.centers.tolist(), one.merits.tolist(), one.diameter) == ([[220, 120.5]], [0.75], 40)
    assert one.section is None


def test_boxes_of_a_stack_belong_to_its_images(tmp_path: Path) -> None:
    path = tmp_path / "m.cbox"
    rows = "".join(f"{x} 0 {z} 10 10 1 10 10 0.5 1 <NA>\n" for x, z in ((1, 3), (2, 0), (3, 3)))
    path.write_text(CBOX + rows)
    first, second = read_cbox(path)
    assert (first.section, first.rows.tolist()) == (0, [1])
    assert (second.section, second.rows.tolist()) == (3, [0, 2])


def test_a_word_in_the_place_of_a_number_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "p.star"
    path.write_text("data_\nloop_\n_rlnCoordinateX #1\n_rlnCoordinateY #2\n1 2\n3 four\n")
    with pytest.raises(PicksError, match=r"K02 .*line 6: 'four'"):
        read_star(path)
