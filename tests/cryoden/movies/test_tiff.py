from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from cryoden.errors import MicrographError
from cryoden.movies.gain import read_gain
from cryoden.movies.readers import open_movie
from cryoden.settings.reading import ReadingSettings
from tests.cryoden.movies.movies import PIXEL, movie_frames, write_eer

tifffile = pytest.importorskip("tifffile", reason="the extra [movies] is not installed")
READING = ReadingSettings(pixel_size=1.2)


def needs_codecs() -> None:
    pytest.importorskip("imagecodecs", reason="the extra [movies] is not installed")


def write_tiff(path: Path, frames: np.ndarray, **how: object) -> Path:
    with tifffile.TiffWriter(path) as file:
        for frame in frames:
            file.write(frame, photometric="minisblack", contiguous=False, **how)
    return path


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "f4"])
def test_a_movie_compressed_by_lzw_is_read_and_turned_as_mrc_files_have_it(
    tmp_path: Path, dtype: str
) -> None:
    needs_codecs()
    frames = movie_frames(3, 64)[:, :48].astype(dtype)
    with open_movie(write_tiff(tmp_path / "m.tif", frames, compression="lzw"), READING) as movie:
        assert (movie.frames, movie.shape, movie.pixel_size) == (3, (48, 64), 1.2)
        assert np.array_equal([movie.frame(index) for index in range(3)], frames[:, ::-1])


def test_a_gain_reference_lies_on_the_frames_whether_it_is_tiff_or_mrc(tmp_path: Path) -> None:
    gain = np.random.default_rng(0).uniform(0.5, 1.5, (48, 64)).astype(np.float32)
    found = read_gain(write_tiff(tmp_path / "g.tif", gain[None]), (48, 64))
    assert np.allclose(found, (gain / gain.mean())[::-1], rtol=1e-5)
    falcon = write_tiff(tmp_path / "g.tiff", gain[None]).rename(tmp_path / "g.gain")
    assert np.allclose(read_gain(falcon, (48, 64), eer=True), gain / gain.mean(), rtol=1e-5)


@pytest.mark.parametrize("kept", [0.3, 0.5, 0.9, 0.999])
def test_a_truncated_movie_is_refused_in_one_line(tmp_path: Path, kept: float) -> None:
    path = write_tiff(tmp_path / "m.tif", movie_frames(6, 64))
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    with (
        pytest.raises(MicrographError, match=r"^F03 [^\n]*m\.tif — truncated[^\n]*$"),
        open_movie(path, READING),
    ):
        pass


def test_a_movie_cut_between_two_frames_is_refused_too(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "m.tif", movie_frames(6, 64))
    with tifffile.TiffFile(path) as file:
        end = max(file.pages[2].dataoffsets[0] + file.pages[2].databytecounts[0], file.pages[3].offset)
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(MicrographError, match="F03"), open_movie(path, READING):
        pass


def test_a_file_that_is_no_tiff_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "m.tif"
    path.write_bytes(b"<html>not found</html>")
    with pytest.raises(MicrographError, match=r"^F49 [^\n]*m\.tif — [^\n]*$"), open_movie(path, READING):
        pass


def test_single_electrons_are_read_where_they_fell(tmp_path: Path) -> None:
    needs_codecs()
    electrons = (np.random.default_rng(0).random((5, 64, 96)) < 0.01).astype(np.uint8)
    electrons[1, 0, 0] = electrons[2, -1, -1] = 1
    electrons[3] = 0
    with open_movie(write_eer(tmp_path / "m.eer", electrons)) as movie:
        assert (movie.frames, movie.shape) == (5, (64, 96))
        assert movie.pixel_size == pytest.approx(PIXEL)
        assert np.array_equal([movie.frame(index) for index in range(5)], electrons)


def test_a_missing_package_is_named_with_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_tiff(tmp_path / "m.tif", movie_frames(3, 64))
    monkeypatch.setitem(sys.modules, "tifffile", None)  # as where it is not installed
    with (
        pytest.raises(
            MicrographError, match=r"^F54 [^\n]*needs the package tifffile.*napari-cryoden\[movies\]"
        ),
        open_movie(path, READING),
    ):
        pass


def test_two_pixels_in_a_byte_are_read_low_half_first_where_the_size_is_that_of_super_resolution(
    tmp_path: Path,
) -> None:
    stored = np.zeros((2, 7420, 3838), np.uint8)
    stored[0, 10, 20], stored[1] = 0x3A, 0x21
    with open_movie(write_tiff(tmp_path / "m.tif", stored), READING) as movie:
        assert movie.shape == (7420, 7676)
        first = movie.frame(0)
        assert first[-11, 40:42].tolist() == [10, 3]
        assert first.sum() == 13
        assert movie.frame(1)[0, :4].tolist() == [1, 2, 1, 2]


def test_what_has_more_bits_or_another_size_is_not_packed(tmp_path: Path) -> None:
    for shape, dtype in (((2, 7420, 3838), np.uint16), ((2, 3710, 3838), np.uint8)):
        with open_movie(write_tiff(tmp_path / "m.tif", np.zeros(shape, dtype)), READING) as movie:
            assert movie.shape == shape[1:]
