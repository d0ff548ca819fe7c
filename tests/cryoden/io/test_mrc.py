from __future__ import annotations

import resource
import sys
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from cryoden.errors import CryodenError, OutputError
from cryoden.formats import micrographs
from cryoden.io import mrc
from cryoden.io.atomic import atomic_write
from cryoden.micrograph import Pixels
from tests.cryoden.hostile import NX, NY, header, made, pixels
from tests.cryoden.io.mrc_files import image, written


def refused(path: Path) -> str:
    with pytest.raises(CryodenError) as caught:
        micrographs.read(path)
    return str(caught.value)


class TestReading:
    @pytest.mark.parametrize("order", ["<", ">"])
    @pytest.mark.parametrize(("mode", "kind"), [(0, "i1"), (1, "i2"), (2, "f4"), (6, "u2"), (12, "f2")])
    def test_every_mode_and_byte_order_becomes_float32(
        self, tmp_path: Path, order: str, mode: int, kind: str
    ) -> None:
        raw = pixels(order + kind)
        found = micrographs.read(made(tmp_path / "a.mrc", header(order, words={4: mode}), raw))
        expected = np.frombuffer(raw, order + kind).reshape(NY, NX).astype(np.float32)
        assert found.data.dtype == np.dtype(np.float32)
        np.testing.assert_array_equal(found.data, expected)

    def test_name_path_and_pixel_size_come_along(self, tmp_path: Path) -> None:
        path = made(tmp_path / "grid 1.mrc", header(), pixels())
        found = micrographs.read(path)
        assert (found.name, found.path, found.shape) == ("grid 1", path, (NY, NX))
        assert found.pixel_size == pytest.approx(1.5)
        assert micrographs.read(path, pixel_size=0.7).pixel_size == 0.7

    def test_unsigned_bytes_are_read_as_asked(self, tmp_path: Path) -> None:
        path = made(tmp_path / "a.mrc", header(words={4: 0}), b"\xff" * (NX * NY - 1), b"\0")
        assert micrographs.read(path, mode0="unsigned").data.max() == 255
        assert micrographs.read(path, mode0="signed").data.min() == -1

    def test_exchanged_axes_are_put_in_order(self, tmp_path: Path) -> None:
        raw = pixels()
        words: dict[int, int | float] = {17: 2, 18: 1}
        path = made(tmp_path / "a.mrc", header(words=words), raw)
        expected = np.frombuffer(raw, "<f4").reshape(NY, NX).T
        np.testing.assert_array_equal(micrographs.read(path).data, expected)
        with micrographs.open_micrograph(path) as file:
            np.testing.assert_array_equal(file.window(10, 3, 20, 7), expected[10:30, 3:10])

    def test_data_behind_an_extended_header_is_not_shifted(self, tmp_path: Path) -> None:
        raw = pixels()
        path = made(tmp_path / "a.mrc", header(words={24: 100}, exttyp=b"SERI"), b"e" * 100, raw, b"tail")
        np.testing.assert_array_equal(micrographs.read(path).data.ravel(), np.frombuffer(raw, "<f4"))

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

    def test_stacks_and_volumes_are_refused_in_words(self, tmp_path: Path) -> None:
        stack = refused(made(tmp_path / "a.mrc", header(words={3: 40}), pixels() * 40))
        assert stack.startswith("F32")
        assert "40 images of 64 × 48: a stack" in stack
        volume = refused(made(tmp_path / "b.mrc", header(words={3: 4, 10: 4, 23: 1}), pixels() * 4))
        assert volume.startswith("F32")
        assert "4 sections: this is a volume" in volume

    def test_header_statistics_are_ignored(self, tmp_path: Path) -> None:
        words: dict[int, int | float] = {20: -5.0, 21: 5.0, 22: float("nan"), 55: 1e30}
        assert micrographs.read(made(tmp_path / "a.mrc", header(words=words), pixels())).data.mean() > 30

    def test_suffixes_are_known_in_any_case(self) -> None:
        assert all(map(mrc.is_mrc_name, ["a.mrc", "a.MRC", "x/b.MrcS", "c.st", "d.REC", "e.map"]))
        assert not any(map(mrc.is_mrc_name, ["a.tif", "mrc", "a.mrc.gz", ".a.mrc.12.part"]))


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
        np.testing.assert_allclose(
            micrographs.read(path).data, image(), rtol=0 if output == "float32" else 1e-3
        )
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
            assert micrographs.read(path).pixel_size is None

    def test_a_given_pixel_size_wins_over_the_source(self, tmp_path: Path) -> None:
        like = made(tmp_path / "like.mrc", header(), pixels())
        path = written(tmp_path / "a.mrc", image(), pixel_size=0.83, like=like)
        assert micrographs.read(path).pixel_size == pytest.approx(0.83)

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
        assert micrographs.read(written(tmp_path / "a.mrc", data)).data[0, 0] == -70_000


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
