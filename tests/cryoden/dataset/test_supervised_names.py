from __future__ import annotations

from pathlib import Path

import pytest

from cryoden.dataset.supervised_names import matched
from cryoden.errors import HalvesError


def touched(folder: Path, *names: str) -> list[Path]:
    folder.mkdir(exist_ok=True)
    paths = [folder / name for name in names]
    for path in paths:
        path.touch()
    return paths


def test_names_that_differ_by_one_tag_match_in_whatever_order_they_come(tmp_path: Path) -> None:
    noisy = touched(tmp_path, "b_frame.mrc", "a_frame.mrc", "c_frame.mrc")
    target = touched(tmp_path, "c_rest.mrc", "b_rest.mrc", "a_rest.mrc")
    pairs = [(one.name, other.name) for one, other in matched(noisy, target)]
    assert pairs == [(f"{x}_frame.mrc", f"{x}_rest.mrc") for x in "abc"]


def test_equal_names_in_two_folders_match(tmp_path: Path) -> None:
    touched(tmp_path / "raw", "a.mrc", "b.mrc")
    touched(tmp_path / "good", "a.mrc", "b.mrc")
    assert [one.name for one, _ in matched([tmp_path / "raw"], [tmp_path / "good"])] == ["a.mrc", "b.mrc"]


def test_a_name_that_breaks_the_rule_is_told(tmp_path: Path) -> None:
    noisy = touched(tmp_path, "a_frame.mrc", "b_frame.mrc")
    target = touched(tmp_path, "a_rest.mrc", "c_rest.mrc")
    with pytest.raises(
        HalvesError, match=r"D03 .*b_frame\.mrc — its name does not match that of c_rest\.mrc"
    ):
        matched(noisy, target)


def test_different_counts_are_refused_with_both(tmp_path: Path) -> None:
    noisy = touched(tmp_path, "a_frame.mrc", "b_frame.mrc")
    with pytest.raises(HalvesError, match="D02  2 noisy and 1 target micrographs"):
        matched(noisy, touched(tmp_path, "a_rest.mrc"))


def test_an_empty_side_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HalvesError, match="D01  0 noisy and 1 target"):
        matched([], touched(tmp_path, "a_rest.mrc"))


def test_numbers_without_leading_zeros_match_by_value(tmp_path: Path) -> None:
    numbers = (1, 2, 10, 11)
    noisy = touched(tmp_path, *(f"mic_{n}_raw.mrc" for n in numbers))
    target = touched(tmp_path, *(f"mic_{n}.mrc" for n in numbers))
    assert [(one.name, other.name) for one, other in matched(noisy, target)] == [
        (f"mic_{n}_raw.mrc", f"mic_{n}.mrc") for n in numbers
    ]


def test_a_name_that_comes_twice_is_refused(tmp_path: Path) -> None:
    noisy = [*touched(tmp_path / "a", "m_raw.mrc"), *touched(tmp_path / "b", "m_raw.mrc")]
    with pytest.raises(HalvesError, match=r"D07 .*has the same name as"):
        matched(noisy, [*touched(tmp_path / "c", "m.mrc"), *touched(tmp_path / "d", "m.mrc")])
