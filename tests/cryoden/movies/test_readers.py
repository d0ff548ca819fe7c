from __future__ import annotations

from pathlib import Path

import mrcfile
import numpy as np
import pytest

from cryoden.errors import MicrographError
from cryoden.movies.readers import is_movie_name, open_movie
from cryoden.settings.reading import ReadingSettings
from tests.cryoden.movies.movies import PIXEL, movie_frames, write_mrc


@pytest.mark.parametrize("suffix", [".mrc", ".mrcs"])
def test_an_mrc_stack_is_read_frame_by_frame(tmp_path: Path, suffix: str) -> None:
    frames = movie_frames(3, 64)[:, :48]
    path = write_mrc(tmp_path / f"m{suffix}", frames)
    with open_movie(path) as movie:
        assert (movie.frames, movie.shape) == (3, (48, 64))
        assert movie.pixel_size == pytest.approx(PIXEL)
        assert np.array_equal([movie.frame(index) for index in range(3)], frames)


def test_a_movie_that_claims_to_be_a_volume_is_read_all_the_same(tmp_path: Path) -> None:
    frames = movie_frames(3, 64).astype(np.float32)
    with mrcfile.new(tmp_path / "m.mrc", data=frames) as file:
        file.set_volume()
    with open_movie(tmp_path / "m.mrc", ReadingSettings(pixel_size=1.1)) as movie:
        assert movie.pixel_size == 1.1
        assert np.array_equal(movie.frame(2), frames[2])


def test_a_truncated_movie_is_refused_in_one_line(tmp_path: Path) -> None:
    path = write_mrc(tmp_path / "m.mrcs", movie_frames(3, 64))
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(MicrographError, match=r"^F03 [^\n]*m\.mrcs — truncated[^\n]*$"), open_movie(path):
        pass


def test_a_single_image_is_no_movie(tmp_path: Path) -> None:
    path = write_mrc(tmp_path / "m.mrc", np.ones((64, 64)) + np.eye(64))
    with pytest.raises(MicrographError, match="F53"), open_movie(path):
        pass


def test_pixels_that_are_no_numbers_are_refused_or_replaced_as_asked(tmp_path: Path) -> None:
    frames = movie_frames(3, 64).astype(np.float32)
    frames[1, 5, 6] = np.nan
    path = write_mrc(tmp_path / "m.mrcs", frames)
    with open_movie(path) as movie, pytest.raises(MicrographError, match=r"F24 .*row 5, column 6"):
        movie.frame(1)
    with open_movie(path, ReadingSettings(nan="mean")) as movie:
        assert movie.frame(1)[5, 6] == pytest.approx(np.nanmean(frames[1]))


def test_movies_are_known_by_their_endings_in_any_case() -> None:
    assert all(map(is_movie_name, ("a.mrc", "a.MRCS", "a.tif", "a.TIFF", "a.eer")))
    assert not any(map(is_movie_name, ("a.gain", "a.txt", "a.png")))
