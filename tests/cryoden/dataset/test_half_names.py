from __future__ import annotations

import os
from pathlib import Path

import pytest

from cryoden.dataset.half_checks import find_pairs
from cryoden.errors import HalvesError


def touched(folder: Path, *names: str) -> list[Path]:
    """Make empty files; pairing looks at names only."""
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return paths


def found(*paths: Path) -> list[tuple[str, str, str]]:
    return [(pair.name, pair.even.name, pair.odd.name) for pair in find_pairs(paths)]


def refused(*paths: Path) -> str:
    with pytest.raises(HalvesError) as caught:
        find_pairs(paths)
    return str(caught.value)


class TestNames:
    @pytest.mark.parametrize(
        ("even", "odd"),
        [
            ("a_EVN.mrc", "a_ODD.mrc"),
            ("a_even.mrc", "a_odd.mrc"),
            ("a_Even.MRC", "a_Odd.mrc"),
            ("a_evn.mrcs", "a_odd.MRCS"),
            ("a_EVEN.map", "a_ODD.map"),
        ],
    )
    def test_tags_make_pairs_in_any_case(self, tmp_path: Path, even: str, odd: str) -> None:
        touched(tmp_path, odd, even)
        assert found(tmp_path) == [("a", even, odd)]

    def test_full_micrographs_and_other_files_are_passed_over(self, tmp_path: Path) -> None:
        touched(tmp_path, "a.mrc", "a_EVN.mrc", "a_ODD.mrc", "a_EVN.txt", "._a_EVN.mrc", "odd.mrc")
        assert found(tmp_path) == [("a", "a_EVN.mrc", "a_ODD.mrc")]

    def test_files_are_paired_by_name_never_by_order(self, tmp_path: Path) -> None:
        paths = touched(tmp_path, "b_EVN.mrc", "a_EVN.mrc", "a_ODD.mrc", "b_ODD.mrc")
        assert found(*paths) == [("a", "a_EVN.mrc", "a_ODD.mrc"), ("b", "b_EVN.mrc", "b_ODD.mrc")]

    def test_the_same_file_given_twice_counts_once(self, tmp_path: Path) -> None:
        paths = touched(tmp_path, "a_EVN.mrc", "a_ODD.mrc")
        assert len(found(tmp_path, *paths, tmp_path / ".." / tmp_path.name)) == 1

    def test_numbers_sort_by_value(self, tmp_path: Path) -> None:
        touched(tmp_path, *(f"m{n}_{half}.mrc" for n in (10, 9, 1) for half in ("EVN", "ODD")))
        assert [pair.name for pair in find_pairs([tmp_path])] == ["m1", "m9", "m10"]

    def test_odd_names_survive(self, tmp_path: Path) -> None:
        for name in (b"two words", b"new\nline", b"\xff", b"[x]*%", "²³".encode()):
            touched(tmp_path, *(os.fsdecode(name + half) for half in (b"_EVN.mrc", b"_ODD.mrc")))
        assert len(find_pairs([tmp_path])) == 5


class TestFolders:
    @pytest.mark.parametrize("given", [".", "average"])
    def test_even_and_odd_folders_make_pairs(self, tmp_path: Path, given: str) -> None:
        touched(tmp_path, "average/even/a.mrc", "average/odd/a.mrc", "average/a.mrc")
        (pair,) = find_pairs([tmp_path / given])
        assert (pair.name, pair.even.parent.name, pair.odd.parent.name) == ("a", "even", "odd")

    def test_the_two_folders_can_be_given_one_by_one(self, tmp_path: Path) -> None:
        touched(tmp_path, "even/a.mrc", "odd/a.mrc")
        assert found(tmp_path / "odd", tmp_path / "even") == [("a", "a.mrc", "a.mrc")]

    def test_tags_within_such_folders_count_once(self, tmp_path: Path) -> None:
        touched(tmp_path, "even/a_EVN.mrc", "odd/a_ODD.mrc")
        assert found(tmp_path) == [("a", "a_EVN.mrc", "a_ODD.mrc")]

    def test_one_name_in_two_folders_stays_apart(self, tmp_path: Path) -> None:
        touched(tmp_path, *(f"{day}/a_{half}.mrc" for day in ("mon", "tue") for half in ("EVN", "ODD")))
        pairs = find_pairs([tmp_path])
        assert [pair.name for pair in pairs] == ["mon/a", "tue/a"]
        assert all(pair.even.parent == pair.odd.parent for pair in pairs)

    def test_halves_in_different_folders_are_no_pair(self, tmp_path: Path) -> None:
        touched(tmp_path, "mon/a_EVN.mrc", "tue/a_ODD.mrc")
        assert refused(tmp_path).startswith("D02")

    def test_linked_folders_are_searched_once(self, tmp_path: Path) -> None:
        touched(tmp_path / "raw", "a_EVN.mrc", "a_ODD.mrc")
        (tmp_path / "project").mkdir()
        (tmp_path / "project" / "link").symlink_to(tmp_path / "raw")
        (tmp_path / "raw" / "circle").symlink_to(tmp_path / "project")
        assert found(tmp_path / "project") == [("a", "a_EVN.mrc", "a_ODD.mrc")]


class TestStar:
    TABLE = """
# version 50001
data_optics

loop_
_rlnOpticsGroupName #1
_rlnOpticsGroup #2
opticsGroup1 1

data_micrographs

loop_
_rlnMicrographName #1
_rlnMicrographNameEven #2
_rlnMicrographNameOdd #3
job/a.mrc job/a_EVN.mrc job/a_ODD.mrc
job/b.mrc "job/b b_EVN.mrc" "job/b b_ODD.mrc"

"""

    def make(self, tmp_path: Path, text: str = TABLE) -> Path:
        touched(tmp_path, "job/a_EVN.mrc", "job/a_ODD.mrc", "job/b b_EVN.mrc", "job/b b_ODD.mrc")
        star = tmp_path / "job" / "corrected_micrographs.star"
        star.write_text(text)
        return star

    def test_a_star_file_lists_the_pairs_of_its_project(self, tmp_path: Path) -> None:
        star = self.make(tmp_path)
        assert found(star) == [("a", "a_EVN.mrc", "a_ODD.mrc"), ("b b", "b b_EVN.mrc", "b b_ODD.mrc")]

    def test_a_star_file_and_its_folder_agree(self, tmp_path: Path) -> None:
        assert len(found(self.make(tmp_path), tmp_path)) == 2

    def test_names_without_any_convention_pair_by_row(self, tmp_path: Path) -> None:
        touched(tmp_path, "x1.mrc", "y7.mrc")
        star = tmp_path / "s.star"
        star.write_text("data_\nloop_\n_rlnMicrographNameOdd\n_rlnMicrographNameEven\nx1.mrc y7.mrc\n")
        assert found(star) == [("y7", "y7.mrc", "x1.mrc")]

    def test_columns_without_halves_are_refused_by_name(self, tmp_path: Path) -> None:
        message = refused(self.make(tmp_path, self.TABLE.replace("Even", "Other")))
        assert message.startswith("D01")
        assert "rlnMicrographNameEven and rlnMicrographNameOdd" in message

    def test_files_that_are_not_there_are_listed(self, tmp_path: Path) -> None:
        star = self.make(tmp_path)
        (tmp_path / "job" / "a_ODD.mrc").unlink()
        message = refused(star)
        assert message.startswith("D02")
        assert f"1 files that are not there: {tmp_path}/job/a_ODD.mrc" in message

    def test_a_row_cut_short_is_named(self, tmp_path: Path) -> None:
        assert "line 19 has 2 of 3 values" in refused(
            self.make(tmp_path, self.TABLE + "job/c.mrc job/c_EVN.mrc\n")
        )


class TestRefusals:
    def test_nothing_found_says_where_and_how_to_name_halves(self, tmp_path: Path) -> None:
        touched(tmp_path, "a.mrc", "b.mrc")
        message = refused(tmp_path)
        assert message.startswith("D01")
        assert f"0 half-set pairs in '{tmp_path}'" in message
        assert "_EVN.mrc" in message
        with pytest.raises(HalvesError, match="D01"):
            find_pairs([])

    def test_a_missing_path_is_named(self, tmp_path: Path) -> None:
        assert f"{tmp_path / 'nowhere'} — no such file or folder" in refused(tmp_path / "nowhere")

    def test_unmatched_names_are_listed_five_at_most(self, tmp_path: Path) -> None:
        touched(tmp_path, "z_EVN.mrc", "z_ODD.mrc", *(f"m{n}_EVN.mrc" for n in range(7)))
        message = refused(tmp_path)
        assert message.startswith("D02")
        assert "7 halves have no partner: m0_EVN.mrc" in message
        assert "m4_EVN.mrc and 2 more" in message
        assert "m5" not in message
        assert "1 pairs are complete" in message

    def test_two_files_for_one_half_are_refused(self, tmp_path: Path) -> None:
        touched(tmp_path, "a_EVN.mrc", "a_even.mrc", "a_ODD.mrc")
        message = refused(tmp_path)
        assert message.startswith("D07")
        assert "a_EVN.mrc" in message
        assert "a_even.mrc" in message
