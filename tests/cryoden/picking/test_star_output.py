from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import gemmi
import numpy as np
import pytest

from cryoden.errors import OutputError
from cryoden.picking.picks import Picks, PicksError, fitted, made
from cryoden.picking.star_output import coordinates, list_of, particles, write_edited
from cryoden.picking.star_picks import read_star
from tests.cryoden.hostile import DATA

CENTERS, MERITS = np.array([[20.25, 10.5], [4.0, 3.0]]), np.array([0.5, np.nan])
SOURCE = """# made by hand
data_optics
loop_
_rlnOpticsGroup #1
_rlnVoltage #2
7 300

data_particles
loop_
_rlnMicrographName #1
_rlnCoordinateX #2
_rlnCoordinateY #3
_rlnOpticsGroup #4
_rlnDefocusU #5
_rlnAnglePsi #6
_rlnImageName #7
m.mrc   10.0    20.0   7  9000.5   11.0  1@a.mrcs
m.mrc   30.0    40.0   7  9000.5   12.0  2@a.mrcs
n.mrc   50.0    60.0   7  8000.5   13.0  1@b.mrcs
m.mrc   70.0    80.0   7  9000.5   14.0  3@a.mrcs

data_model
_rlnKept 1
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "p.star").write_text(SOURCE)
    return tmp_path / "p.star"


def of_m(path: Path) -> Picks:
    return next(one for one in read_star(path) if one.micrograph == "m.mrc")


def rows(path: Path) -> list[list[str]]:
    table = (
        gemmi.cif.read(str(path))
        .find_block("particles")
        .find("_rln", ["MicrographName", "CoordinateX", "CoordinateY"])
    )
    return [[*row] for row in table]


def test_coordinates_of_one_micrograph_are_read_by_another_reader_and_by_this_program(tmp_path: Path) -> None:
    path = tmp_path / "m_autopick.star"
    path.write_text(coordinates(made(CENTERS, MERITS)))
    table = (
        gemmi.cif.read(str(path))
        .sole_block()
        .find("_rln", ["CoordinateX", "CoordinateY", "AutopickFigureOfMerit"])
    )
    assert [list(map(float, row)) for row in table] == [[10.5, 20.25, 0.5], [3, 4, -999]]
    (again,) = read_star(path)
    np.testing.assert_array_equal(again.centers, CENTERS)
    np.testing.assert_array_equal(again.merits, MERITS)


def test_particles_of_several_pixel_sizes_have_an_optics_group_each(tmp_path: Path) -> None:
    path = tmp_path / "p.star"
    path.write_text(particles([made(CENTERS, MERITS, "a b.mrc", 1.5), made(CENTERS, MERITS, "c.mrc", 2.0)]))
    document = gemmi.cif.read(str(path))
    optics = document.find_block("optics").find("_rln", ["OpticsGroup", "MicrographPixelSize"])
    assert [list(map(float, row)) for row in optics] == [[1, 1.5], [2, 2.0]]
    assert [(one.micrograph, one.pixel_size) for one in read_star(path)] == [("a b.mrc", 1.5), ("c.mrc", 2.0)]


def test_particles_of_unknown_pixel_size_have_none(tmp_path: Path) -> None:
    path = tmp_path / "p.star"
    path.write_text(particles([made(CENTERS, MERITS, "c.mrc", None)]))
    assert read_star(path)[0].pixel_size is None


def test_a_list_names_files_by_micrograph(tmp_path: Path) -> None:
    (tmp_path / "x.star").write_text(coordinates(made(CENTERS, MERITS)))
    (tmp_path / "list.star").write_text(list_of({"Motion/x 1.mrc": "x.star"}))
    assert [one.micrograph for one in read_star(tmp_path / "list.star")] == ["Motion/x 1.mrc"]


def test_what_was_not_edited_stays_as_it_was_written(source: Path, tmp_path: Path) -> None:
    before = of_m(source)
    write_edited(before, before, tmp_path / "same.star")
    assert (tmp_path / "same.star").read_text() == SOURCE


def test_moved_removed_and_added_picks_are_in_the_copy_and_all_else_is_kept(
    source: Path, tmp_path: Path
) -> None:
    before = of_m(source)
    centers = np.array([[21.5, 10.0], before.centers[2], [90.0, 91.0]])
    now = replace(before, centers=centers, merits=np.full(3, np.nan), rows=np.array([0, 3, -1]))
    write_edited(now, before, tmp_path / "new.star")
    assert [[row[0], float(row[1]), float(row[2])] for row in rows(tmp_path / "new.star")] == [
        ["m.mrc", 10, 21.5], ["n.mrc", 50, 60], ["m.mrc", 70, 80], ["m.mrc", 91, 90],
    ]  # fmt: skip
    lines = (tmp_path / "new.star").read_text().splitlines()
    assert "n.mrc   50.0    60.0   7  8000.5   13.0  1@b.mrcs" in lines, "the text of other rows is the same"
    added = (
        gemmi.cif.read(str(tmp_path / "new.star"))
        .find_block("particles")
        .find("_rln", ["OpticsGroup", "DefocusU", "AnglePsi", "ImageName"])[3]
    )
    assert [*added] == ["7", "9000.5", "-999.000000", "None"]
    assert "_rlnKept 1" in lines
    assert source.read_text() == SOURCE


def test_picks_on_a_finer_micrograph_are_written_in_the_pixels_of_their_file(
    source: Path, tmp_path: Path
) -> None:
    before = fitted(replace(of_m(source), pixel_size=3.0), (1000, 1000), 1.0)
    assert before.centers[0].tolist() == [60, 30]
    moved = replace(before, centers=before.centers + np.array([[3.0, 0.0], [0, 0], [0, 0]]))
    write_edited(moved, before, tmp_path / "new.star")
    assert [float(row[2]) for row in rows(tmp_path / "new.star")] == [21, 40, 60, 80]


def test_picks_that_were_turned_are_turned_back(source: Path, tmp_path: Path) -> None:
    before = of_m(source).mirrored(100)
    moved = replace(before, centers=before.centers + np.array([[5.0, 0.0], [0, 0], [0, 0]]))
    write_edited(moved, before, tmp_path / "new.star")
    assert [float(row[2]) for row in rows(tmp_path / "new.star")] == [15, 40, 60, 80]


def test_the_file_they_are_from_is_replaced_only_where_that_is_asked(source: Path) -> None:
    before = of_m(source)
    one = before.chosen(np.array([True, False, False]))
    with pytest.raises(OutputError, match="O04"):
        write_edited(one, before, source, overwrite=True)
    assert source.read_text() == SOURCE
    write_edited(one, before, source, overwrite=True, replace_source=True)
    assert len(rows(source)) == 2


def test_picks_are_saved_into_their_file_again_and_again_and_it_keeps_those_of_others(source: Path) -> None:
    def save(now: Picks, before: Picks) -> Picks:
        return write_edited(now, before, source, overwrite=True, replace_source=True).picks

    before = of_m(source)
    added = np.vstack([before.centers[1:], [[90.0, 91.0]]])
    before = save(replace(before, centers=added, rows=np.array([1, 3, -1])), before)
    once = source.read_text()
    assert [row[0] for row in rows(source)] == ["m.mrc", "n.mrc", "m.mrc", "m.mrc"]
    before = save(before, before)
    assert source.read_text() == once
    none = save(before.chosen(np.zeros(3, bool)), before)
    assert [row[0] for row in rows(source)] == ["n.mrc"]
    save(replace(before, rows=np.full(3, -1)), none)
    np.testing.assert_array_equal(of_m(source).centers, before.centers)
    assert [row[0] for row in rows(source)] == ["n.mrc", "m.mrc", "m.mrc", "m.mrc"]


def test_a_file_without_picks_gets_some_and_is_saved_again(tmp_path: Path) -> None:
    path = tmp_path / "m_manualpick.star"
    path.write_text(coordinates(made(np.zeros((0, 2)), np.zeros(0))))
    before = read_star(path)[0].mirrored(100)
    now = replace(before, centers=CENTERS, merits=MERITS, rows=np.full(2, -1))
    written = write_edited(now, before, path, overwrite=True, replace_source=True).picks
    once = path.read_text()
    write_edited(written, written, path, overwrite=True, replace_source=True)
    assert path.read_text() == once
    np.testing.assert_array_equal(read_star(path)[0].centers, CENTERS)


def test_rows_of_other_micrographs_are_followed_where_they_move(source: Path) -> None:
    before, other = of_m(source), read_star(source)[1]
    two = before.chosen(np.array([False, True, True]))
    written = write_edited(two, before, source, overwrite=True, replace_source=True)
    now = read_star(source)[1]
    assert now.micrograph == other.micrograph == "n.mrc"
    assert written.moved(other.rows).tolist() == now.rows.tolist() == [1]
    assert written.moved(np.array([0, -1, 4])).tolist() == [-1, -1, -1]
    np.testing.assert_array_equal(of_m(source).rows, written.picks.rows)


@pytest.mark.parametrize("changed", ["moved", "shorter", "of another", "without coordinates"])
def test_a_file_that_another_program_has_changed_is_not_written(
    source: Path, tmp_path: Path, changed: str
) -> None:
    before = of_m(source)
    lines = SOURCE.splitlines(keepends=True)
    text = {
        "moved": SOURCE.replace("30.0", "31.0"),
        "shorter": "".join(line for line in lines if not line.startswith("n.mrc")),
        "of another": SOURCE.replace("m.mrc   30.0", "n.mrc   30.0"),
        "without coordinates": SOURCE.replace("_rlnCoordinateX", "_rlnOther"),
    }[changed]
    source.write_text(text)
    for path in (source, tmp_path / "new.star"):
        with pytest.raises(PicksError, match=r"K10 .*p\.star — [13] of 3 picks"):
            write_edited(before.chosen(np.array([0])), before, path, overwrite=True, replace_source=True)
    assert source.read_text() == text
    assert not (tmp_path / "new.star").exists()


def test_another_file_that_is_there_stays_unless_it_may_be_replaced(source: Path, tmp_path: Path) -> None:
    (tmp_path / "other.star").write_text("precious")
    with pytest.raises(OutputError, match="O05"):
        write_edited(of_m(source), of_m(source), tmp_path / "other.star")
    assert (tmp_path / "other.star").read_text() == "precious"


def test_picks_of_other_formats_become_particles_or_by_its_name_a_file_of_one_micrograph(
    tmp_path: Path,
) -> None:
    (tmp_path / "m.box").write_text("0 0 4 4\n")
    picks = Picks("m.mrc", CENTERS, MERITS, np.arange(2), tmp_path / "m.box", pixel_size=1.5)
    write_edited(picks, picks, tmp_path / "m.star")
    assert "data_optics" in (tmp_path / "m.star").read_text()
    write_edited(picks, picks, tmp_path / "m_manualpick.star")
    assert "data_optics" not in (tmp_path / "m_manualpick.star").read_text()
    np.testing.assert_array_equal(read_star(tmp_path / "m_manualpick.star")[0].centers, CENTERS)


def test_a_real_list_of_particles_without_its_first_pick_is_the_same_but_for_a_line(tmp_path: Path) -> None:
    path = DATA / "field" / "cryosparc" / "relion5.star"
    if not path.is_file():
        pytest.skip("metadata files of other programs are not here")
    before = read_star(path)[0]
    write_edited(before.chosen(np.arange(len(before)) > 0), before, tmp_path / "new.star")
    old, new = path.read_text().splitlines(), (tmp_path / "new.star").read_text().splitlines()
    assert len(old) - len(new) == 1
    assert [line for line in old if line not in new] == [
        next(line for line in old if line.split()[:1] == ["1736.000000"])
    ]
