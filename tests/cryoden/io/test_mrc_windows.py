from __future__ import annotations

import os
import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from cryoden.errors import MicrographError
from cryoden.formats import micrographs
from cryoden.io import mrc, mrc_windows
from cryoden.io.mrc_probe import probe
from cryoden.io.mrc_windows import MicrographFile
from cryoden.micrograph import Pixels
from tests.cryoden.hostile import DATA, NX, NY, header, made, pixels
from tests.cryoden.io.mrc_files import image, needs_data, written


class TestWindows:
    def test_a_window_is_the_part_of_the_whole(self, tmp_path: Path) -> None:
        path = made(tmp_path / "a.mrc", header(words={4: 1}), pixels("<i2"))
        whole = micrographs.read(path).data
        with micrographs.open_micrograph(path) as file:
            assert file.shape == whole.shape
            for part_of in ((0, 0, NY, NX), (5, 9, 11, 3), (NY - 1, NX - 1, 1, 1), (0, 0, 0, 5)):
                top, left, height, width = part_of
                part = file.window(top, left, height, width)
                assert part.dtype == np.dtype(np.float32)
                assert part.flags.writeable
                assert part.flags.c_contiguous
                np.testing.assert_array_equal(part, whole[top : top + height, left : left + width])

    def test_a_window_that_leaves_the_micrograph_is_an_error(self, tmp_path: Path) -> None:
        file = micrographs.open_micrograph(made(tmp_path / "a.mrc", header(), pixels()))
        for top, left, height, width in ((-1, 0, 4, 4), (0, 0, NY + 1, 4), (0, NX - 3, 4, 4), (0, 0, -1, 4)):
            with pytest.raises(ValueError, match="leaves the"):
                file.window(top, left, height, width)

    def test_a_nan_is_caught_in_the_window_that_has_it(self, tmp_path: Path) -> None:
        data = image()
        data[30, 20] = np.nan
        file = micrographs.open_micrograph(made(tmp_path / "a.mrc", header(), data.tobytes()))
        assert np.isfinite(file.window(0, 0, 30, NX)).all()
        with pytest.raises(MicrographError, match=r"F24 .*row 30, column 20"):
            file.window(25, 10, 10, 20)

    def test_a_file_that_shrinks_gives_a_named_error(self, tmp_path: Path) -> None:
        path = made(tmp_path / "a.mrc", header(), pixels())
        file = micrographs.open_micrograph(path)
        os.truncate(path, 1024 + 4 * NX * 10)
        assert file.window(0, 0, 10, NX).shape == (10, NX)
        with pytest.raises(MicrographError, match="F52") as caught:
            file.window(5, 0, 10, NX)
        assert str(path) in str(caught.value)

    @pytest.mark.skipif(not mrc_windows.COLUMNS, reason="the system cannot be told what will be read")
    @pytest.mark.parametrize(("columns", "read"), [(300, 50 * 300 * 4), (4000, (49 * 5000 + 4000) * 4)])
    def test_of_a_wide_micrograph_only_the_columns_of_a_narrow_window_are_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: int, read: int
    ) -> None:
        data = image(60, 5000)
        file, counted = micrographs.open_micrograph(written(tmp_path / "a.mrc", data)), list[int]()
        real = os.preadv

        def preadv(descriptor: int, buffers: list[memoryview], offset: int) -> int:
            counted.append(real(descriptor, buffers, offset))
            return counted[-1]

        monkeypatch.setattr(os, "preadv", preadv)
        np.testing.assert_array_equal(file.window(7, 900, 50, columns), data[7:57, 900 : 900 + columns])
        assert sum(counted) == read
        os.truncate(tmp_path / "a.mrc", 1024 + 4 * 5000 * 20)
        with pytest.raises(MicrographError, match="F52"):
            file.window(7, 900, 50, columns)

    def test_threads_read_the_same_file_without_mixing(self, tmp_path: Path) -> None:
        path = made(tmp_path / "a.mrc", header(), pixels())
        whole = micrographs.read(path).data
        file = micrographs.open_micrograph(path)
        places = [(row, column) for row in range(0, 40, 3) for column in range(0, 56, 5)]
        with ThreadPoolExecutor(4) as pool:
            parts = pool.map(lambda place: file.window(place[0], place[1], 8, 8), places)
        for (row, column), part in zip(places, parts, strict=True):
            np.testing.assert_array_equal(part, whole[row : row + 8, column : column + 8])

    def test_a_thousand_open_micrographs_need_no_handles(self, tmp_path: Path) -> None:
        path = made(tmp_path / "a.mrc", header(), pixels())
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (128, hard))
        try:
            files = [micrographs.open_micrograph(path) for _ in range(1000)]
            assert {file.window(0, 0, 1, 1).shape for file in files} == {(1, 1)}
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    def test_a_closed_file_gives_no_windows(self, tmp_path: Path) -> None:
        with micrographs.open_micrograph(made(tmp_path / "a.mrc", header(), pixels())) as file:
            pass
        with pytest.raises(ValueError, match="closed"):
            file.window(0, 0, 1, 1)

    def test_a_file_that_is_closed_while_all_of_it_is_read_is_read_no_further(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class ClosedSoon(MicrographFile):
            def unchecked(
                self, top: int, left: int, height: int, width: int, out: Pixels | None = None
            ) -> Pixels:
                block = super().unchecked(top, left, height, width, out)
                self.close()
                return block

        monkeypatch.setattr(mrc, "BLOCK_BYTES", 64)
        file = ClosedSoon(probe(made(tmp_path / "a.mrc", header(), pixels())))
        with pytest.raises(ValueError, match="closed"):
            mrc.whole(file)


@needs_data
def test_a_window_of_a_real_micrograph_equals_what_mrcfile_reads() -> None:
    path = DATA / "apoferritin_pairs" / "May08_03.05.02_frame.mrc"
    with micrographs.open_micrograph(path) as file, mrcfile.open(path) as other:
        np.testing.assert_array_equal(file.window(100, 200, 64, 96), other.data[100:164, 200:296])
