from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cryosparc.dataset import Dataset

from cryoden.dataset.opening import read_micrograph
from cryoden.errors import MicrographError
from cryoden.picking.picks import PicksError
from cryoden.picking.read_picks import ambiguous, has_picks, is_picks_name, read_all, read_picks
from tests.cryoden.picking.planted import written

ROW, COLUMN = 37, 12  # of the one bright pixel


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A micrograph of one bright pixel."""
    pixels = np.zeros((64, 48), np.float32)
    pixels[ROW, COLUMN] = 1
    return written(tmp_path / "m.mrc", pixels)


def at_the_pick(micrograph: Path, coordinates: Path) -> float:
    """Return the pixel that a pick points at, read by its place among the bytes of the file."""
    (picks,) = read_picks(coordinates)
    row, column = map(round, picks.centers[0].tolist())
    data = np.frombuffer(micrograph.read_bytes()[1024:], "<f4")
    return float(data[48 * row + column])


def test_the_center_of_a_box_of_eman_is_half_a_box_from_the_corner_at_the_first_pixel(
    stored: Path, tmp_path: Path
) -> None:
    corner = COLUMN - 10, ROW - 10
    (tmp_path / "m.box").write_text(f"{corner[0]}\t{corner[1]}\t20\t20\t-3\n")
    assert at_the_pick(stored, tmp_path / "m.box") == 1
    (picks,) = read_picks(tmp_path / "m.box")
    assert (picks.diameter, picks.micrograph) == (20, "m")
    assert np.isnan(picks.merits).all()


def test_topaz_gives_centers_from_the_first_pixel_with_scores(stored: Path, tmp_path: Path) -> None:
    text = f"image_name\tx_coord\ty_coord\tscore\nm\t{COLUMN}\t{ROW}\t1.25\nother\t3\t4\t-2\n"
    (tmp_path / "picks.txt").write_text(text)
    one, other = read_picks(tmp_path / "picks.txt")
    assert (one.micrograph, other.micrograph) == ("m", "other")
    assert (one.merits.tolist(), one.rows.tolist(), other.rows.tolist()) == ([1.25], [0], [1])
    (tmp_path / "only.txt").write_text(text.rpartition("other")[0])
    assert at_the_pick(stored, tmp_path / "only.txt") == 1


def test_topaz_may_leave_scores_away(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("image_name\tx_coord\ty_coord\na b\t3\t4\n")
    (picks,) = read_picks(tmp_path / "p.txt")
    assert picks.micrograph == "a b"
    assert np.isnan(picks.merits).all()


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("p.txt", "some notes\n", "K01"),
        ("p.txt", "", "K01"),
        ("p.txt", "image_name\tx_coord\ty_coord\nm\t3\tfour\n", "K02"),
        ("p.txt", "image_name\tx_coord\ty_coord\nm\t3\n", "K02"),
        ("p.box", "10 20\n", "K02"),
        ("p.box", "10 20 30 inf\n", "K02"),
        ("p.star", "data_\nloop_\n_rlnMicrographName #1\nm.mrc\n", "K01"),
        ("p.cbox", "data_\nloop_\n_rlnMicrographName #1\nm.mrc\n", "K01"),
        ("p.json", "{}", "K01"),
    ],
)
def test_what_has_no_coordinates_is_refused_in_one_line(
    tmp_path: Path, name: str, text: str, code: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(PicksError) as refused:
        read_picks(tmp_path / name)
    assert refused.value.code == code
    assert str(tmp_path / name) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_missing_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(MicrographError):
        read_picks(tmp_path / "none.box")


def test_all_files_of_a_folder_are_read_but_hidden_ones(tmp_path: Path) -> None:
    (tmp_path / "b.box").write_text("0 0 2 2\n")
    (tmp_path / "a.box").write_text("0 0 2 2\n4 4 2 2\n")
    (tmp_path / ".a.box").write_text("junk")
    assert [(one.micrograph, len(one)) for one in read_all([tmp_path])] == [("a", 2), ("b", 1)]
    (tmp_path / "empty").mkdir()
    with pytest.raises(PicksError, match="K01"):
        read_all([tmp_path / "empty"])


def test_files_of_other_purpose_are_known(tmp_path: Path) -> None:
    (tmp_path / "list.star").write_text("data_\nloop_\n_rlnMicrographName #1\nm.mrc\n")
    (tmp_path / "picks.star").write_text("data_\nloop_\n_rlnCoordinateX #1\n_rlnCoordinateY #2\n1 2\n")
    (tmp_path / "notes.txt").write_text("hello\n")
    assert [has_picks(tmp_path / name) for name in ("list.star", "picks.star", "notes.txt")] == [
        False, True, False,
    ]  # fmt: skip
    assert ambiguous(Path("a.star"))
    assert not ambiguous(Path("a.box"))
    assert is_picks_name(Path("A.CBOX"))
    assert not is_picks_name(Path("a.mrc"))


def test_the_planted_pixel_is_where_this_program_reads_it(stored: Path) -> None:
    assert read_micrograph(stored).data[ROW, COLUMN] == 1


AT, SHAPE = (300, 50), (400, 600)


def dataset(rows: int = 2, **more: object) -> Dataset:
    """Return particles as cryoSPARC lists them: the place as parts of width and height."""
    made = Dataset.allocate(
        rows,
        [
            ("location/micrograph_path", "O"), ("location/micrograph_shape", "<u4", (2,)),
            ("location/center_x_frac", "f4"), ("location/center_y_frac", "f4"),
            ("location/micrograph_psize_A", "f4"), ("pick_stats/ncc_score", "f4"),
        ],
    )  # fmt: skip
    made["location/micrograph_path"] = ">J1/imported/000090334788266266069_m.mrc"
    made["location/micrograph_shape"] = SHAPE
    made["location/center_x_frac"], made["location/center_y_frac"] = AT[1] / SHAPE[1], AT[0] / SHAPE[0]
    made["location/micrograph_psize_A"], made["pick_stats/ncc_score"] = 1.5, [0.25, 0.5][:rows]
    for name, values in more.items():
        made[name.replace("__", "/")] = values
    return made


def test_parts_of_width_and_height_are_pixels_of_the_micrograph(tmp_path: Path) -> None:
    dataset().save(tmp_path / "p.cs")
    (one,) = read_picks(tmp_path / "p.cs")
    np.testing.assert_allclose(one.centers, [AT] * 2, rtol=1e-6)
    assert one.micrograph == "J1/imported/000090334788266266069_m.mrc"
    assert (one.shape, one.pixel_size, one.merits.tolist()) == (SHAPE, 1.5, [0.25, 0.5])


def test_what_the_job_passed_through_says_the_places(tmp_path: Path) -> None:
    passed = dataset()
    passed.save(tmp_path / "J3_passthrough_particles.cs")
    own = Dataset({"uid": passed["uid"], "ctf/df1_A": np.zeros(2, "f4")})
    own.save(tmp_path / "J3_particles.cs")
    assert len(read_picks(tmp_path / "J3_particles.cs")[0]) == 2


def test_particles_without_places_are_refused_with_what_is_there(tmp_path: Path) -> None:
    Dataset({"uid": np.arange(2, dtype="u8"), "ctf/df1_A": np.zeros(2, "f4")}).save(tmp_path / "p.cs")
    with pytest.raises(PicksError, match=r"K01 .*slots found: ctf"):
        read_picks(tmp_path / "p.cs")


def test_a_place_that_is_no_number_is_refused(tmp_path: Path) -> None:
    dataset(location__center_x_frac=np.array([0.5, np.nan], "f4")).save(tmp_path / "p.cs")
    with pytest.raises(PicksError, match="K02"):
        read_picks(tmp_path / "p.cs")


def test_an_empty_set_has_no_picks(tmp_path: Path) -> None:
    dataset(0).save(tmp_path / "p.cs")
    assert read_picks(tmp_path / "p.cs") == []
