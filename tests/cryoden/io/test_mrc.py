from __future__ import annotations

import os
import resource
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from cryoden.errors import CryodenError, MicrographError, OutputError
from cryoden.io import mrc, mrc_windows
from cryoden.io.atomic import atomic_write
from cryoden.micrograph import Pixels
from tests.cryoden.hostile import DATA, NX, NY, header, made, pixels

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"real micrographs not found in {DATA}")


def image(height: int = NY, width: int = NX, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).normal(40, 10, (height, width)).astype(np.float32)


def refused(path: Path) -> str:
    with pytest.raises(CryodenError) as caught:
        mrc.read(path)
    return str(caught.value)


def written(path: Path, data: Pixels, **options: object) -> Path:
    mrc.write(path, data, **{"pixel_size": 1.5, "label": "test", **options})  # type: ignore[arg-type]  # per test
    return path


class TestReading:
    @pytest.mark.parametrize("order", ["<", ">"])
    @pytest.mark.parametrize(("mode", "kind"), [(0, "i1"), (1, "i2"), (2, "f4"), (6, "u2"), (12, "f2")])
    def test_every_mode_and_byte_order_becomes_float32(
        self, tmp_path: Path, order: str, mode: int, kind: str
    ) -> None:
        raw = pixels(order + kind)
        found = mrc.read(made(tmp_path / "a.mrc", header(order, words={4: mode}), raw))
        expected = np.frombuffer(raw, order + kind).reshape(NY, NX).astype(np.float32)
        assert found.data.dtype == np.dtype(np.float32)
        np.testing.assert_array_equal(found.data, expected)

    def test_name_path_and_pixel_size_come_along(self, tmp_path: Path) -> None:
        path = made(tmp_path / "grid 1.mrc", header(), pixels())
        found = mrc.read(path)
        assert (found.name, found.path, found.shape) == ("grid 1", path, (NY, NX))
        assert found.pixel_size == pytest.approx(1.5)
        assert mrc.read(path, pixel_size=0.7).pixel_size == 0.7

    def test_unsigned_bytes_are_read_as_asked(self, tmp_path: Path) -> None:
        path = made(tmp_path / "a.mrc", header(words={4: 0}), b"\xff" * (NX * NY - 1), b"\0")
        assert mrc.read(path, mode0="unsigned").data.max() == 255
        assert mrc.read(path, mode0="signed").data.min() == -1

    def test_exchanged_axes_are_put_in_order(self, tmp_path: Path) -> None:
        raw = pixels()
        words: dict[int, int | float] = {17: 2, 18: 1}
        path = made(tmp_path / "a.mrc", header(words=words), raw)
        expected = np.frombuffer(raw, "<f4").reshape(NY, NX).T
        np.testing.assert_array_equal(mrc.read(path).data, expected)
        with mrc.open_micrograph(path) as file:
            np.testing.assert_array_equal(file.window(10, 3, 20, 7), expected[10:30, 3:10])

    def test_data_behind_an_extended_header_is_not_shifted(self, tmp_path: Path) -> None:
        raw = pixels()
        path = made(tmp_path / "a.mrc", header(words={24: 100}, exttyp=b"SERI"), b"e" * 100, raw, b"tail")
        np.testing.assert_array_equal(mrc.read(path).data.ravel(), np.frombuffer(raw, "<f4"))

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_pixels_that_are_not_numbers_are_counted_and_placed(self, tmp_path: Path, value: float) -> None:
        data = image()
        data[5, 7] = data[5, 9] = data[40, 2] = value
        message = refused(made(tmp_path / "a.mrc", header(), data.tobytes()))
        assert message.startswith("F24")
        assert "3 pixels are NaN or infinite" in message
        assert "row 5, column 7" in message

    def test_the_first_bad_pixel_is_found_in_later_blocks_too(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(mrc, "BLOCK_BYTES", 4 * NX * 10)
        data = image()
        data[33, 1] = data[47, 2] = np.nan
        path = made(tmp_path / "a.mrc", header(), data.tobytes())
        message = refused(path)
        assert "2 pixels" in message
        assert "row 33, column 1" in message
        transposed = made(tmp_path / "b.mrc", header(words={17: 2, 18: 1}), data.tobytes())
        assert "row 1, column 33" in refused(transposed)

    def test_an_image_without_contrast_is_refused(self, tmp_path: Path) -> None:
        message = refused(made(tmp_path / "a.mrc", header(), bytes(4 * NX * NY)))
        assert message.startswith("F25")
        assert "std = 0" in message

    def test_movies_and_volumes_are_refused_in_words(self, tmp_path: Path) -> None:
        movie = refused(made(tmp_path / "a.mrc", header(words={3: 40}), pixels() * 40))
        assert movie.startswith("F32")
        assert "40 frames: this is a movie" in movie
        assert "sums" in movie
        volume = refused(made(tmp_path / "b.mrc", header(words={3: 4, 10: 4, 23: 1}), pixels() * 4))
        assert volume.startswith("F32")
        assert "4 sections: this is a volume" in volume

    def test_header_statistics_are_ignored(self, tmp_path: Path) -> None:
        words: dict[int, int | float] = {20: -5.0, 21: 5.0, 22: float("nan"), 55: 1e30}
        assert mrc.read(made(tmp_path / "a.mrc", header(words=words), pixels())).data.mean() > 30

    def test_suffixes_are_known_in_any_case(self) -> None:
        assert all(map(mrc.is_micrograph_name, ["a.mrc", "a.MRC", "x/b.MrcS", "c.st", "d.REC", "e.map"]))
        assert not any(map(mrc.is_micrograph_name, ["a.tif", "mrc", "a.mrc.gz", ".a.mrc.12.part"]))


class TestWindows:
    def test_a_window_is_the_part_of_the_whole(self, tmp_path: Path) -> None:
        path = made(tmp_path / "a.mrc", header(words={4: 1}), pixels("<i2"))
        whole = mrc.read(path).data
        with mrc.open_micrograph(path) as file:
            assert file.shape == whole.shape
            for part_of in ((0, 0, NY, NX), (5, 9, 11, 3), (NY - 1, NX - 1, 1, 1), (0, 0, 0, 5)):
                top, left, height, width = part_of
                part = file.window(top, left, height, width)
                assert part.dtype == np.dtype(np.float32)
                assert part.flags.writeable
                assert part.flags.c_contiguous
                np.testing.assert_array_equal(part, whole[top : top + height, left : left + width])

    def test_a_window_that_leaves_the_micrograph_is_an_error(self, tmp_path: Path) -> None:
        file = mrc.open_micrograph(made(tmp_path / "a.mrc", header(), pixels()))
        for top, left, height, width in ((-1, 0, 4, 4), (0, 0, NY + 1, 4), (0, NX - 3, 4, 4), (0, 0, -1, 4)):
            with pytest.raises(ValueError, match="leaves the"):
                file.window(top, left, height, width)

    def test_a_nan_is_caught_in_the_window_that_has_it(self, tmp_path: Path) -> None:
        data = image()
        data[30, 20] = np.nan
        file = mrc.open_micrograph(made(tmp_path / "a.mrc", header(), data.tobytes()))
        assert np.isfinite(file.window(0, 0, 30, NX)).all()
        with pytest.raises(MicrographError, match=r"F24 .*row 30, column 20"):
            file.window(25, 10, 10, 20)

    def test_a_file_that_shrinks_gives_a_named_error(self, tmp_path: Path) -> None:
        path = made(tmp_path / "a.mrc", header(), pixels())
        file = mrc.open_micrograph(path)
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
        file, counted = mrc.open_micrograph(written(tmp_path / "a.mrc", data)), list[int]()
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
        whole = mrc.read(path).data
        file = mrc.open_micrograph(path)
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
            files = [mrc.open_micrograph(path) for _ in range(1000)]
            assert {file.window(0, 0, 1, 1).shape for file in files} == {(1, 1)}
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    def test_a_closed_file_gives_no_windows(self, tmp_path: Path) -> None:
        with mrc.open_micrograph(made(tmp_path / "a.mrc", header(), pixels())) as file:
            pass
        with pytest.raises(ValueError, match="closed"):
            file.window(0, 0, 1, 1)


class TestWriting:
    @pytest.mark.parametrize("output", ["float32", "float16"])
    def test_output_is_valid_and_reads_back(self, tmp_path: Path, output: str) -> None:
        path = written(tmp_path / "a.mrc", image(), output=output)
        assert mrcfile.validate(path, print_file=sys.stderr)
        with mrcfile.open(path, permissive=False) as file:
            assert int(file.header.mode) == {"float32": 2, "float16": 12}[output]
            assert file.header.machst[0] == 0x44
            assert float(file.header.dmin) == file.data.min()
            assert float(file.header.dmean) == pytest.approx(image().mean(), rel=1e-3)
        np.testing.assert_allclose(mrc.read(path).data, image(), rtol=0 if output == "float32" else 1e-3)
        assert path.stat().st_size == 1024 + image().size * (4 if output == "float32" else 2)

    def test_statistics_are_right_where_the_mean_is_nearly_zero(self, tmp_path: Path) -> None:
        half = image(256, 512).ravel() * 1e6
        data = np.random.default_rng(1).permutation(np.concatenate([half, -half])).reshape(512, 512)
        path = written(tmp_path / "a.mrc", data)
        assert mrcfile.validate(path, print_file=sys.stderr)

    def test_an_unknown_pixel_size_leaves_the_cell_empty(self, tmp_path: Path) -> None:
        like = made(tmp_path / "like.mrc", header(words={11: 64.0, 12: 48.0, 13: 1.0}), pixels())
        for source in (None, like):
            path = written(tmp_path / "a.mrc", image(), pixel_size=None, like=source)
            with mrcfile.open(path) as file:
                assert file.header.cella.tolist() == (0, 0, 0)
            assert mrc.read(path).pixel_size is None

    def test_a_given_pixel_size_wins_over_the_source(self, tmp_path: Path) -> None:
        like = made(tmp_path / "like.mrc", header(), pixels())
        path = written(tmp_path / "a.mrc", image(), pixel_size=0.83, like=like)
        assert mrc.read(path).pixel_size == pytest.approx(0.83)

    @pytest.mark.parametrize("order", ["<", ">"])
    def test_the_header_of_the_source_is_kept(self, tmp_path: Path, order: str) -> None:
        words: dict[int, int | float] = {5: 3, 6: -4, 7: 5, 23: 1, 24: 768, 14: 89.0}
        words |= {50: 1.5, 51: -2.5, 52: 3.5}
        words |= {8: 2 * NX, 9: 2 * NY, 11: 3.0 * NX, 12: 3.0 * NY, 25: 77, 30: 12345, 56: 1}
        raw = bytearray(header(order, words=words, exttyp=b"FEI1"))
        raw[224:304] = b"history of the file".ljust(80)
        extended = bytes(range(256)) * 3
        like = made(tmp_path / "like.mrc", bytes(raw), extended, pixels(order + "f4"))
        path = written(tmp_path / "a.mrc", image(), like=like, label="denoised")
        with mrcfile.open(path, permissive=False) as file, mrcfile.open(like, permissive=False) as source:
            fields = ("nxstart", "nystart", "nzstart", "mx", "my", "cella", "cellb", "ispg", "origin")
            for field in (*fields, "exttyp"):
                assert file.header[field].tolist() == source.header[field].tolist(), field
            assert bytes(file.header.extra1) == bytes(source.header.extra1)
            assert bytes(file.header.extra2) == bytes(source.header.extra2)
            assert file.extended_header.tobytes() == extended
            assert file.header.machst[0] == 0x44
            assert file.get_labels() == ["history of the file".ljust(80), "denoised"]
        assert mrcfile.validate(path, print_file=sys.stderr)
        assert path.read_bytes()[1024 : 1024 + 768] == extended

    def test_ten_labels_keep_the_first_nine(self, tmp_path: Path) -> None:
        raw = bytearray(header(words={56: 10}))
        for row in range(10):
            raw[224 + 80 * row : 304 + 80 * row] = f"label {row}".encode().ljust(80)
        like = made(tmp_path / "like.mrc", bytes(raw), pixels())
        path = written(tmp_path / "a.mrc", image(), like=like, label="Å" * 90)
        with mrcfile.open(path) as file:
            labels = [label.strip() for label in file.get_labels()]
        assert labels == [*(f"label {row}" for row in range(9)), "?" * 80]

    def test_blank_labels_between_others_are_closed_up(self, tmp_path: Path) -> None:
        raw = bytearray(header(words={56: 9}))
        raw[224 + 160 : 224 + 240] = b"third".ljust(80)
        path = written(
            tmp_path / "a.mrc", image(), like=made(tmp_path / "like.mrc", bytes(raw), pixels()), label="new"
        )
        with mrcfile.open(path) as file:
            assert [label.strip() for label in file.get_labels()] == ["third", "new"]
        assert mrcfile.validate(path, print_file=sys.stderr)

    def test_a_transposed_source_gives_output_in_order(self, tmp_path: Path) -> None:
        words: dict[int, int | float] = {17: 2, 18: 1, 5: 3, 6: 4, 8: NY, 9: NX, 11: 1.5 * NY, 12: 1.5 * NX}
        like = made(tmp_path / "like.mrc", header(words=words), pixels())
        found = mrc.read(like)
        path = written(tmp_path / "a.mrc", found.data, pixel_size=found.pixel_size, like=like)
        np.testing.assert_array_equal(mrc.read(path).data, found.data)
        with mrcfile.open(path) as file:
            assert (int(file.header.mapc), int(file.header.nxstart), int(file.header.nystart)) == (1, 4, 3)
            assert float(file.voxel_size.x) == float(file.voxel_size.y) == pytest.approx(1.5)

    def test_a_source_whose_extended_header_is_missing_gives_none(self, tmp_path: Path) -> None:
        like = made(tmp_path / "like.mrc", header(words={24: 4096}, exttyp=b"FEI1"), pixels())
        path = written(tmp_path / "a.mrc", image(), like=like)
        assert path.stat().st_size == 1024 + 4 * NX * NY
        assert mrcfile.validate(path, print_file=sys.stderr)

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_values_that_are_not_numbers_are_never_written(self, tmp_path: Path, value: float) -> None:
        data = image()
        data[3, 4] = value
        with pytest.raises(OutputError, match=r"O13 .*row 3, column 4"):
            written(tmp_path / "a.mrc", data)
        assert not (tmp_path / "a.mrc").exists()

    def test_values_too_large_for_float16_are_refused(self, tmp_path: Path) -> None:
        data = image()
        data[0, 0] = -70_000
        with pytest.raises(OutputError, match=r"O13 .*70000 do not fit float16"):
            written(tmp_path / "a.mrc", data, output="float16")
        assert mrc.read(written(tmp_path / "a.mrc", data)).data[0, 0] == -70_000

    @needs_data
    @pytest.mark.parametrize("name", ["k2_counting/k2_micrograph.mrc", "falcon_micrograph.mrc"])
    def test_real_headers_survive(self, tmp_path: Path, name: str) -> None:
        source = mrc.read(DATA / name)
        path = written(tmp_path / "a.mrc", source.data, pixel_size=source.pixel_size, like=DATA / name)
        assert mrcfile.validate(path, print_file=sys.stderr)
        with mrcfile.open(path, permissive=False) as file, mrcfile.open(DATA / name) as like:
            assert file.extended_header.tobytes() == like.extended_header.tobytes()
            assert file.header.cella.tolist() == like.header.cella.tolist()
            assert file.indexed_extended_header["Dose"] == like.indexed_extended_header["Dose"]
            np.testing.assert_array_equal(file.data, like.data.astype(np.float32))


@needs_data
def test_a_window_of_a_real_micrograph_equals_what_mrcfile_reads() -> None:
    path = DATA / "apoferritin_pairs" / "May08_03.05.02_frame.mrc"
    with mrc.open_micrograph(path) as file, mrcfile.open(path) as other:
        np.testing.assert_array_equal(file.window(100, 200, 64, 96), other.data[100:164, 200:296])


def test_a_full_disk_while_writing_leaves_no_file(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(OutputError, match=r"O02 .*File too large"):
            publish(tmp_path / "a.mrc", image(512, 512))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())


def publish(final: Path, data: Pixels) -> None:
    with atomic_write(final) as temporary:
        written(temporary, data)


def test_a_published_micrograph_is_whole_and_readable_by_others(tmp_path: Path) -> None:
    publish(tmp_path / "a.mrc", image())
    assert [path.name for path in tmp_path.iterdir()] == ["a.mrc"]
    assert mrcfile.validate(tmp_path / "a.mrc", print_file=sys.stderr)
