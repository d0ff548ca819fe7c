from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cryoden.errors import MicrographError
from cryoden.formats.decoded import Kept
from cryoden.formats.micrographs import open_micrograph, probe, read
from tests.cryoden.formats.files import packed, picture, plain, tiff


def test_windows_of_a_decoded_file_are_those_of_the_whole(tmp_path: Path) -> None:
    data = picture()
    plain(tmp_path / "m.mrc", data)
    path = packed(tmp_path / "m.mrc.gz")
    with open_micrograph(path) as file:
        assert file.name == "m"
        for top, left, height, width in ((0, 0, 90, 120), (3, 5, 20, 30), (89, 0, 1, 120), (10, 119, 80, 1)):
            window = file.window(top, left, height, width)
            assert np.array_equal(window, data[top : top + height, left : left + width])


def test_integers_become_numbers_and_rows_of_tiff_are_turned(tmp_path: Path) -> None:
    data = picture().astype("u2")
    with open_micrograph(tiff(tmp_path / "m.tif", data, compression="zlib")) as file:
        assert np.array_equal(file.window(0, 0, 90, 120), data[::-1])
        assert np.array_equal(file.window(2, 4, 8, 16), data[::-1][2:10, 4:20])


def test_what_was_decoded_is_kept_up_to_a_limit_and_a_changed_file_is_decoded_again(tmp_path: Path) -> None:
    facts = [probe(tiff(tmp_path / f"{at}.tif", picture(seed=at))) for at in range(3)]
    kept = Kept(most=2 * 90 * 120 * 4)
    first = kept.section(facts[0]).obj
    assert kept.section(facts[0]).obj is first
    kept.section(facts[1])
    kept.section(facts[2])
    assert kept.section(facts[0]).obj is not first
    tiff(tmp_path / "0.tif", picture(seed=7))
    again = np.frombuffer(kept.section(facts[0]), "<f4").reshape(90, 120)
    assert np.array_equal(again, picture(seed=7)[::-1])


def test_a_file_that_is_gone_or_has_another_size_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tiff(tmp_path / "m.tif", picture())
    with open_micrograph(path) as file:
        tiff(path, picture(50, 60))
        with pytest.raises(MicrographError, match=r"F52 .*m\.tif"):
            file.window(0, 0, 5, 5)
        path.unlink()
        with pytest.raises(MicrographError, match=r"F49 .*m\.tif"):
            file.window(0, 0, 5, 5)
    with pytest.raises(MicrographError, match="F49"):
        read(path)
