from __future__ import annotations

from pathlib import Path

import pytest

from cryoden.dataset.browse import listing
from cryoden.errors import HalvesError

EVEN_ODD = "data_\nloop_\n_rlnMicrographName\n_rlnMicrographNameEven\n_rlnMicrographNameOdd\n"


def touched(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def names(*paths: Path) -> tuple[list[str], list[str]]:
    found = listing(paths)
    return [pair.name for pair in found.pairs], [other.name for other in found.others]


def test_pairs_and_the_other_micrographs_of_a_folder_are_listed_by_name(tmp_path: Path) -> None:
    touched(tmp_path, "m10_EVN.mrc", "m10_ODD.mrc", "m9_EVN.mrc", "m9_ODD.mrc")
    touched(tmp_path, "m10.mrc", "m9.mrc", "note.txt", ".a.mrc")
    assert names(tmp_path) == (["m9", "m10"], ["m9.mrc", "m10.mrc"])


def test_a_half_without_its_partner_is_listed_as_a_micrograph(tmp_path: Path) -> None:
    touched(tmp_path, "a_EVN.mrc", "b_EVN.mrc", "b_ODD.mrc")
    assert names(tmp_path) == (["b"], ["a_EVN.mrc"])


def test_of_two_files_for_one_half_the_first_makes_the_pair(tmp_path: Path) -> None:
    touched(tmp_path, "a_EVN.mrc", "a_even.mrc", "a_ODD.mrc")
    assert names(tmp_path) == (["a"], ["a_even.mrc"])


def test_a_folder_without_micrographs_lists_nothing(tmp_path: Path) -> None:
    assert names(tmp_path) == ([], [])


def test_folders_even_and_odd_given_apart_make_pairs(tmp_path: Path) -> None:
    touched(tmp_path, "even/a.mrc", "odd/a.mrc")
    assert names(tmp_path / "even", tmp_path / "odd") == (["a"], [])


def test_what_is_named_twice_in_two_ways_is_listed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touched(tmp_path, "a.mrc")
    monkeypatch.chdir(tmp_path)
    assert names(Path("a.mrc"), tmp_path, tmp_path / ".." / tmp_path.name) == ([], ["a.mrc"])


def test_a_star_file_lists_its_pairs_and_its_sums(tmp_path: Path) -> None:
    touched(tmp_path, "job/x1.mrc", "job/y7.mrc", "job/sum.mrc", "job/else.mrc")
    star = tmp_path / "job" / "s.star"
    star.write_text(f"{EVEN_ODD}job/sum.mrc job/x1.mrc job/y7.mrc\n")
    assert names(star) == (["x1"], ["sum.mrc"])


def test_a_star_file_of_particles_lists_each_micrograph_once(tmp_path: Path) -> None:
    touched(tmp_path, "a.mrc", "b.mrc")
    star = tmp_path / "particles.star"
    star.write_text("data_particles\nloop_\n_rlnMicrographName\n" + "a.mrc\na.mrc\nb.mrc\n" * 3)
    assert names(star) == ([], ["a.mrc", "b.mrc"])


def test_a_star_file_without_micrographs_is_refused(tmp_path: Path) -> None:
    star = tmp_path / "s.star"
    star.write_text("data_\nloop_\n_rlnVoltage\n300\n")
    with pytest.raises(HalvesError, match=r"D01 .*lists no micrographs"):
        listing([star])


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HalvesError, match=r"D01 .*no such file or folder"):
        listing([tmp_path / "gone"])
    star = tmp_path / "s.star"
    star.write_text(f"{EVEN_ODD}sum.mrc even.mrc odd.mrc\n")
    with pytest.raises(HalvesError, match=r"D02 .*none of its 2 files is there, such as even\.mrc"):
        listing([star])


def test_links_to_micrographs_are_listed_as_they_are_named(tmp_path: Path) -> None:
    touched(tmp_path, "raw/a.mrc")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "b.mrc").symlink_to(tmp_path / "raw" / "a.mrc")
    assert names(tmp_path / "linked") == ([], ["b.mrc"])


@pytest.mark.parametrize(
    ("row", "said"),
    [("M/b.mrc M/b_EVN.mrc", "line 6 has 2 of 3 values"), ("1@b.mrcs 1@x.mrcs 1@y.mrcs", "section")],
)
def test_a_bad_row_of_a_star_file_is_named_and_not_called_an_empty_list(
    tmp_path: Path, row: str, said: str
) -> None:
    (tmp_path / "bad.star").write_text(f"{EVEN_ODD}{row}\n")
    with pytest.raises(HalvesError, match=said):
        listing([tmp_path / "bad.star"])
