from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from cryoden.errors import MicrographError
from cryoden.formats import tiff as tiff_module
from cryoden.formats.micrographs import read
from cryoden.formats.tiff import TiffPages, has_pages, page_writer
from tests.cryoden.formats.files import picture, tiff, tifffile


def test_pages_are_written_one_after_the_other_and_read_back(tmp_path: Path) -> None:
    pages = [picture(seed=seed) for seed in range(3)]
    with page_writer(tmp_path / "m.tif", 1000, software="a test", description="said once\n") as add:
        for page in pages:
            add(page)
    assert np.array_equal(tifffile.imread(tmp_path / "m.tif", key=range(3)), pages)
    with TiffPages(tmp_path / "m.tif") as found:
        assert [
            np.array_equal(found.decoded(one), page) for one, page in zip(found.pages, pages, strict=True)
        ]
        said = [one.description for one in found.pages]
        assert [text.strip() for text in said] == ["said once", "", ""]
        assert {one.software for one in found.pages} == {"a test"}


def test_a_file_beyond_what_32_bits_reach_is_a_bigtiff(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for most, is_big in ((50_000, False), (40_000, True)):
        monkeypatch.setattr(tiff_module, "BIG", most)
        with page_writer(tmp_path / "m.tif", 90 * 120 * 4) as add:
            add(picture())
        with tifffile.TiffFile(tmp_path / "m.tif") as file:
            assert file.is_bigtiff == is_big
        assert np.array_equal(read(tmp_path / "m.tif").data, picture()[::-1])


def test_movies_are_known_by_their_second_page(tmp_path: Path) -> None:
    assert not has_pages(tiff(tmp_path / "m.tif", picture()))
    assert has_pages(tiff(tmp_path / "m.tif", picture(), picture()))
    (tmp_path / "m.tif").write_bytes(b"II*\0")
    assert not has_pages(tmp_path / "m.tif")
    assert not has_pages(tmp_path / "absent.tif")


def test_a_missing_package_is_named_with_the_way_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tiff(tmp_path / "m.tif", picture())
    monkeypatch.setitem(sys.modules, "tifffile", None)
    with pytest.raises(MicrographError, match=r"F54 .*m\.tif — needs the package tifffile.*pip install"):
        read(path)
    assert not has_pages(path)


def test_a_missing_decoder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("imagecodecs", reason="the extra [movies] is not installed")
    path = tiff(tmp_path / "m.tif", picture(), compression="lzw")

    def refuse(*_: object, **__: object) -> None:
        raise ValueError("<COMPRESSION.LZW: 5> requires the 'imagecodecs' package")

    monkeypatch.setattr(tifffile.TiffPage, "asarray", refuse)
    with pytest.raises(MicrographError, match=r"F54 .* needs the package imagecodecs"):
        read(path)
