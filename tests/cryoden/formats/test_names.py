from __future__ import annotations

from pathlib import Path

import pytest

from cryoden.formats.names import is_micrograph_name, is_tiff, packing_of, result_suffix, stem_of


@pytest.mark.parametrize("name", ["a.mrc", "a.MRC.GZ", "x/b.mrcs.bz2", "c.tif", "d.TIFF", "e.st", "f.rec.gz"])
def test_micrographs_are_known_by_name_in_any_case_of_letters(name: str) -> None:
    assert is_micrograph_name(name)


@pytest.mark.parametrize(
    "name", ["a.gz", "a.tif.gz", "a.star", ".a.mrc.gz.12.part", "mrc.gz", "a.eer", "a.png"]
)
def test_other_files_are_no_micrographs(name: str) -> None:
    assert not is_micrograph_name(name)


@pytest.mark.parametrize("name", ["m1.mrc", "m1.mrc.gz", "m1.tif", "m1.MRCS.BZ2", "m1.tiff"])
def test_a_micrograph_has_the_same_name_in_every_format(name: str) -> None:
    assert stem_of(Path("folder") / name) == "m1"


def test_a_dot_within_a_name_belongs_to_it() -> None:
    assert stem_of(Path("May08_05.53.51.mrc.gz")) == "May08_05.53.51"
    assert stem_of(Path("May08_05.53.51.tif")) == "May08_05.53.51"
    assert (packing_of("a.mrc.gz"), packing_of("a.gz.mrc"), is_tiff("a.tif.mrc")) == (".gz", "", False)


@pytest.mark.parametrize(
    ("name", "wanted", "suffix"),
    [
        ("a.mrc", "auto", ".mrc"), ("a.mrc.gz", "auto", ".mrc"), ("a.map", "auto", ".mrc"),
        ("a.tif", "auto", ".tif"), ("a.TIFF", "auto", ".tiff"), ("a.mrcs", "auto", ".mrcs"),
        ("a.st.bz2", "auto", ".st"), ("a.tif", "mrc", ".mrc"), ("a.mrc", "tiff", ".tif"),
        ("a.mrcs", "tiff", ".tif"),
    ],
)  # fmt: skip
def test_a_result_has_the_format_of_its_input_or_the_one_that_is_wanted(
    name: str, wanted: str, suffix: str
) -> None:
    assert result_suffix(Path(name), wanted) == suffix  # type: ignore[arg-type]  # per case
