from __future__ import annotations

from pathlib import Path

import pytest

from cryoden.dataset.half_sums import added_up, exposure_name, of_list
from cryoden.dataset.output_paths import has_halves, results
from cryoden.errors import HalvesError, OutputError
from cryoden.io import mrc
from tests.cryoden.scenes import scene


def files(folder: Path, *names: str) -> list[Path]:
    """Make files that no test reads."""
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return paths


def planned(folder: Path, *paths: Path) -> list[str]:
    found = results(paths or (folder,), folder / "out", halves="sum")
    return [str(target.relative_to(folder / "out")) for target in found.values()]


def test_two_halves_have_one_result_without_what_says_which_half(tmp_path: Path) -> None:
    files(tmp_path, "a_EVN.mrc", "a_ODD.mrc", "grid/b-even.mrc", "grid/b-odd.mrc", "single.mrc")
    assert planned(tmp_path) == ["a_denoised.mrc", "single_denoised.mrc", "grid/b_denoised.mrc"]


def test_folders_even_and_odd_are_one_place_given_together_or_by_the_folder_above(tmp_path: Path) -> None:
    files(tmp_path, "average/even/a.mrc", "average/odd/a.mrc")
    assert planned(tmp_path) == ["average/a_denoised.mrc"]
    assert planned(tmp_path, tmp_path / "average" / "even", tmp_path / "average" / "odd") == [
        "a_denoised.mrc"
    ]


def test_halves_are_named_by_files_in_any_order(tmp_path: Path) -> None:
    even, odd = files(tmp_path, "a_EVN.mrc", "a_ODD.mrc")
    found = results([odd, even], tmp_path / "out", halves="sum")
    assert found == {even: tmp_path / "out" / "a_denoised.mrc"}
    assert found.files(even) == (even, odd)
    assert not found.summed


def test_where_the_full_sum_is_there_it_is_taken_and_the_halves_are_left_out(tmp_path: Path) -> None:
    files(
        tmp_path,
        "a.mrc",
        "a_EVN.mrc",
        "a_ODD.mrc",
        "average/b.mrc",
        "average/even/b.mrc",
        "average/odd/b.mrc",
    )
    found = results([tmp_path], tmp_path / "out", halves="sum")
    assert list(found) == [tmp_path / "a.mrc", tmp_path / "average" / "b.mrc"]
    assert not found.pairs
    assert {whole: (pair.even, pair.odd) for whole, pair in found.summed.items()} == {
        tmp_path / "a.mrc": (tmp_path / "a_EVN.mrc", tmp_path / "a_ODD.mrc"),
        tmp_path / "average/b.mrc": (tmp_path / "average/even/b.mrc", tmp_path / "average/odd/b.mrc"),
    }


def test_a_half_without_its_partner_is_a_micrograph_of_its_own_name(tmp_path: Path) -> None:
    (lone,) = files(tmp_path, "a_EVN.mrc")
    found = added_up([(lone, Path())]).planned
    assert [(one.stem, one.is_alone, one.pair) for one in found] == [("a_EVN", True, None)]
    assert planned(tmp_path) == ["a_EVN_denoised.mrc"]


def test_two_files_for_one_half_and_two_exposures_of_one_result_are_refused(tmp_path: Path) -> None:
    files(tmp_path, "x/a_EVN.mrc", "x/a_even.mrc", "x/a_ODD.mrc")
    with pytest.raises(HalvesError, match=r"D07 .*stands for the same half"):
        planned(tmp_path)
    named = files(tmp_path, "y/b_EVN.mrc", "y/b_ODD.mrc", "z/b_EVN.mrc", "z/b_ODD.mrc")
    with pytest.raises(OutputError, match=r"D07 .*would have the same result"):
        planned(tmp_path, *named)


def test_no_result_replaces_a_half_or_a_sum_that_is_left_out(tmp_path: Path) -> None:
    even, odd = files(tmp_path, "a_EVN.mrc", "a_ODD.mrc")
    other = files(tmp_path, "a_denoised.mrc")[0]
    with pytest.raises(OutputError, match="O04"):
        results([even, odd, other], tmp_path, halves="sum")


def test_each_half_has_its_result_where_that_is_wanted(tmp_path: Path) -> None:
    files(tmp_path, "a_EVN.mrc", "a_ODD.mrc", "a.mrc")
    found = results([tmp_path], tmp_path / "out", halves="each")
    assert [path.name for path in found.values()] == [
        "a_denoised.mrc",
        "a_EVN_denoised.mrc",
        "a_ODD_denoised.mrc",
    ]
    assert not found.pairs
    assert not found.summed


def star(folder: Path, *endings: str) -> Path:
    """Write a list with columns of full sums, or of halves."""
    labels = [f"_rlnMicrographName{ending} #{number}" for number, ending in enumerate(endings, 1)]
    tags = {"": "", "Even": "_EVN", "Odd": "_ODD"}
    row = " ".join(f"m/a{tags[ending]}.mrc" for ending in endings)
    path = folder / "list.star"
    path.write_text("\n".join(["data_micrographs", "loop_", *labels, row, ""]))
    return path


def test_a_list_with_full_sums_counts_as_those_and_one_of_halves_alone_as_their_sums(tmp_path: Path) -> None:
    whole, even, odd = files(tmp_path, "m/a.mrc", "m/a_EVN.mrc", "m/a_ODD.mrc")
    (one,) = of_list(star(tmp_path, "", "Even", "Odd")).planned
    assert (one.file, one.pair) == (whole, None)
    (one,) = of_list(star(tmp_path, "Even", "Odd")).planned
    assert (one.file, one.stem) == (even, "a")
    assert one.pair is not None
    assert one.pair.odd == odd
    assert one.folder == Path()
    with pytest.raises(HalvesError, match="no table with the column rlnMicrographName"):
        of_list(star(tmp_path, "Even"))


def test_whether_there_are_halves_is_seen_in_folders_and_lists(tmp_path: Path) -> None:
    files(tmp_path / "none", "a.mrc", "b_EVN.mrc")
    assert not has_halves([tmp_path / "none"])
    files(tmp_path, "m/a.mrc", "m/a_EVN.mrc", "m/a_ODD.mrc")
    assert has_halves([tmp_path / "m"])
    assert has_halves([star(tmp_path, "Even", "Odd")])
    assert exposure_name(tmp_path / "m" / "a_EVN.mrc") == "a"
    mrc.write(tmp_path / "x.mrc", scene().even.data, pixel_size=None, label="x")
    assert not has_halves([tmp_path / "x.mrc"])


def test_sums_of_a_list_lie_where_those_of_folders_do(tmp_path: Path) -> None:
    files(tmp_path, *(f"g{grid}/{half}/a.mrc" for grid in (1, 2) for half in ("even", "odd")))
    rows = [f"g{grid}/even/a.mrc g{grid}/odd/a.mrc" for grid in (1, 2)]
    head = ["data_micrographs", "loop_", "_rlnMicrographNameEven #1", "_rlnMicrographNameOdd #2"]
    (tmp_path / "list.star").write_text("\n".join([*head, *rows, ""]))
    assert [one.folder for one in of_list(tmp_path / "list.star").planned] == [Path("g1"), Path("g2")]
