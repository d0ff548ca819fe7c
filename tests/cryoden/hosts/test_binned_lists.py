from __future__ import annotations

from pathlib import Path

import pytest

from cryoden.cli.main import main
from cryoden.dataset.star_files import listed, micrographs_of
from cryoden.formats.micrographs import read
from cryoden.hosts.binned_lists import BY, RELION_SIZE, SIZE
from cryoden.hosts.listed_results import DENOISED, RAW
from cryoden.io import mrc
from cryoden.io.star import having, read_tables
from tests.cryoden.scenes import scene

OPTICS = """# version 50001

data_optics

loop_
_rlnOpticsGroup #1
_rlnMicrographPixelSize #2
_rlnMicrographOriginalPixelSize #3
1 1.5 0.75
2 2.0 1.0

"""
ROWS = """
data_micrographs

loop_
_rlnMicrographName #1
_rlnOpticsGroup #2
M/a.mrc 1
M/b.mrc 2
M/gone.mrc 2
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "M").mkdir()
    for name, size in (("a", 1.5), ("b", 2.0)):
        mrc.write(tmp_path / "M" / f"{name}.mrc", scene(0, (200, 240)).even.data, pixel_size=size, label="m")
    (tmp_path / "m.star").write_text(OPTICS + ROWS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def listed_results(project: Path, *flags: str) -> Path:
    assert main(["denoise", "m.star", "--output", "out", "--device", "cpu", *flags]) == 3  # one is gone
    return project / "out" / "micrographs_denoised.star"


def rows_of(star: Path, *labels: str) -> list[tuple[str, ...]]:
    table = having(read_tables(star), labels)
    assert table is not None
    return table.columns(labels)


def test_rows_and_first_lines_say_how_coordinates_are_carried_over(project: Path) -> None:
    star = listed_results(project, "--bin", "4")
    assert rows_of(star, DENOISED, SIZE, BY) == [
        ("out/a_denoised.mrc", "6", "4"),
        ("out/b_denoised.mrc", "8", "4"),
        ("None", "0", "0"),
    ]
    head = star.read_text().split("\n")[:3]
    assert "times 4, are coordinates in the" in head[1]
    assert rows_of(star, "rlnOpticsGroup", RELION_SIZE) == [("1", "1.5"), ("2", "2.0")]  # of the raw ones


def test_results_in_the_place_of_micrographs_have_their_pixel_size_in_the_optics_table(project: Path) -> None:
    star = listed_results(project, "--bin", "4", "--names", "replaced")
    assert rows_of(star, "rlnOpticsGroup", RELION_SIZE, "rlnMicrographOriginalPixelSize") == [
        ("1", "6", "0.75"),
        ("2", "8", "1.0"),
    ]
    assert rows_of(star, "rlnMicrographName", RAW, SIZE) == [
        ("out/a_denoised.mrc", "M/a.mrc", "6"),
        ("out/b_denoised.mrc", "M/b.mrc", "8"),
    ]
    rows = listed(star, ["rlnMicrographName"])
    assert [row.pixel_size for row in rows] == [read(path).pixel_size for path in micrographs_of(star)]


def test_one_pixel_size_for_all_is_several_factors(project: Path) -> None:
    star = listed_results(project, "--bin-to", "6", "--names", "replaced")
    assert [float(by) for (by,) in rows_of(star, BY)] == [4, 3]
    assert "times cryodenBinning of the row" in star.read_text()
    assert rows_of(star, RELION_SIZE, "rlnOpticsGroup") == [("6", "1"), ("6", "2")]


def test_a_list_with_pixel_sizes_in_its_rows_has_those_of_the_results_there(project: Path) -> None:
    table = "data_\nloop_\n_rlnMicrographName\n_rlnMicrographPixelSize\nM/a.mrc 1.5\nM/gone.mrc 1.5\n"
    (project / "m.star").write_text(table)
    star = listed_results(project, "--bin", "2", "--names", "replaced")
    assert rows_of(star, "rlnMicrographName", RELION_SIZE) == [("out/a_denoised.mrc", "3")]


def test_a_size_less_than_twice_as_wide_is_said_like_any_other(project: Path) -> None:
    star = listed_results(project, "--bin-to", "2.5", "--names", "replaced")
    assert rows_of(star, SIZE, BY) == [("2.5", "1.66667"), ("2.5", "1.25")]
    assert rows_of(star, RELION_SIZE, "rlnOpticsGroup") == [("2.5", "1"), ("2.5", "2")]


def test_groups_of_which_one_has_the_wanted_size_already_are_each_said_as_they_are(project: Path) -> None:
    for wanted, by in (("2", ["1.33333", "1"]), ("6", ["4", "3"])):
        star = listed_results(project, "--bin-to", wanted, "--names", "replaced", "--overwrite")
        assert rows_of(star, BY) == [(one,) for one in by]
        assert rows_of(star, RELION_SIZE) == [(wanted,), (wanted,)]
    first = ROWS.replace("M/a.mrc 1\nM/b.mrc 2", "M/b.mrc 2\nM/a.mrc 1")
    (project / "m.star").write_text(OPTICS + first)
    star = listed_results(project, "--bin-to", "2", "--names", "replaced", "--overwrite")
    assert rows_of(star, SIZE, BY) == [("2", "1"), ("2", "1.33333")]
    assert "times cryodenBinning of the row" in star.read_text()


def test_how_far_results_are_binned_does_not_depend_on_a_size_that_was_not_used(project: Path) -> None:
    for name in ("a", "b"):  # a placeholder, which gives way to the list
        path = project / "M" / f"{name}.mrc"
        mrc.write(path, scene(0, (200, 240)).even.data, pixel_size=1.0, label="m")
    star = listed_results(project, "--bin", "2")
    assert rows_of(star, SIZE, BY)[:2] == [("3", "2"), ("4", "2")]
    star = listed_results(project, "--bin", "2", "--pixel-size", "0.8", "--overwrite")
    assert rows_of(star, SIZE, BY)[:2] == [("1.6", "2"), ("1.6", "2")]
    star = listed_results(project, "--bin-to", "1.25", "--pixel-size", "0.8", "--overwrite")
    for size, by in rows_of(star, SIZE, BY)[:2]:
        assert size == "1.25"
        assert abs(240 / float(by) - 240 / (1.25 / 0.8)) < 0.5  # px of the result, at its far end


def test_results_as_large_as_the_micrographs_say_nothing_of_it(project: Path) -> None:
    for names in ("added", "replaced"):
        text = listed_results(project, "--names", names).read_text()
        assert "binned" not in text
        assert SIZE not in text
