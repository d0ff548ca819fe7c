from __future__ import annotations

from pathlib import Path

import pytest

from cryoden.dataset.companions import companions, named
from cryoden.errors import HalvesError, SettingsError


def files(folder: Path, *names: str) -> list[Path]:
    paths = [folder / f"{name}.mrc" for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return paths


def stems(paths: list[Path]) -> dict[Path, str]:
    return {path: path.stem for path in paths}


def test_files_belong_together_by_what_stands_around_the_name(tmp_path: Path) -> None:
    raw = files(tmp_path / "raw", "m1_EVN", "m11_EVN", "m2_EVN")
    done = files(tmp_path / "done", "x_m1_EVN.denoised", "x_m11_EVN.denoised", "x_m2_EVN.denoised", "readme")
    assert companions(stems(raw), [tmp_path / "done"], "topaz") == dict(zip(raw, done, strict=False))


def test_a_short_name_is_not_taken_for_a_longer_one_that_holds_it(tmp_path: Path) -> None:
    raw = files(tmp_path / "raw", "m1", "m11")
    clean = files(tmp_path / "clean", "m1_clean", "m11_clean")
    assert companions(stems(raw), clean, "truth") == dict(zip(raw, clean, strict=True))


def test_halves_that_differ_by_their_folder_alone_find_the_folder_of_their_half(tmp_path: Path) -> None:
    raw = files(tmp_path / "raw", "even/m1", "odd/m1", "even/m2", "odd/m2")
    done = files(tmp_path / "done", "even/m1", "odd/m1", "even/m2", "odd/m2")
    assert companions(stems(raw), [tmp_path / "done"], "warp") == dict(zip(raw, done, strict=True))


def test_results_beside_the_raw_halves_are_not_mistaken_for_them(tmp_path: Path) -> None:
    raw = files(tmp_path, "m1_EVN", "m1_ODD")
    done = files(tmp_path, "m1_EVN_denoised", "m1_ODD_denoised")
    assert companions(stems(raw), [tmp_path], "other") == dict(zip(raw, done, strict=True))


def test_a_half_without_its_file_is_named_with_the_name_expected(tmp_path: Path) -> None:
    raw = files(tmp_path / "raw", "m1_EVN", "m1_ODD", "m2_EVN", "m2_ODD")
    files(tmp_path / "done", "m1_EVN_dn", "m1_ODD_dn", "m2_EVN_dn")
    with pytest.raises(HalvesError, match=r"1 of 4 micrographs have no file: m2_ODD \(expected m2_ODD_dn"):
        companions(stems(raw), [tmp_path / "done"], "topaz")


def test_two_files_for_one_half_are_refused(tmp_path: Path) -> None:
    raw = files(tmp_path / "raw", "m1_EVN")
    files(tmp_path / "done", "a/m1_EVN", "b/m1_EVN")
    with pytest.raises(HalvesError, match="stands for m1_EVN, and so does") as refused:
        companions(stems(raw), [tmp_path / "done"], "topaz")
    assert refused.value.code == "D07"


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(HalvesError, match="no such file or folder") as refused:
        companions(stems(files(tmp_path, "m1_EVN")), [tmp_path / "none"], "topaz")
    assert refused.value.code == "D01"


def test_words_without_a_name_belong_to_the_name_before() -> None:
    found = named(["topaz=a.mrc", "b.mrc", "janni=folder"])
    assert found == {"topaz": [Path("a.mrc"), Path("b.mrc")], "janni": [Path("folder")]}
    with pytest.raises(SettingsError, match=r"'a\.mrc' has no name"):
        named(["a.mrc"])
