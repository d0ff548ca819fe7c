from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cryoden.errors import HalvesError, OutputError, SettingsError
from cryoden.movies.movie_files import targets_of
from tests.cryoden.hostile import DATA
from tests.cryoden.movies.movies import write_mrc

STACK = np.random.default_rng(0).poisson(3, (3, 16, 16))


def test_below_a_folder_movies_are_told_from_what_lies_beside_them(tmp_path: Path) -> None:
    folder = tmp_path / "movies"
    (folder / "grid 2").mkdir(parents=True)
    for name in ("a10.mrc", "a9.mrcs", "grid 2/b.mrc", "gain.mrc", ".hidden.mrc"):
        write_mrc(folder / name, STACK)
    write_mrc(folder / "sum.mrc", STACK[0])
    write_mrc(folder / "count.mrc", STACK)  # given as the gain reference
    for name in ("c.tif", "d.eer", "notes.txt"):
        (folder / name).write_bytes(b"-")
    targets = targets_of([folder], tmp_path / "sums", [folder / "count.mrc"])
    names = [target.full.relative_to(tmp_path / "sums").as_posix() for target in targets.values()]
    assert names == ["a9.mrc", "a10.mrc", "c.mrc", "d.mrc", "grid 2/b.mrc"]


def test_sums_below_the_folder_of_the_movies_are_no_movies(tmp_path: Path) -> None:
    write_mrc(tmp_path / "a.mrcs", STACK)
    (tmp_path / "sums").mkdir()
    write_mrc(tmp_path / "sums" / "a.mrc", STACK)
    assert list(targets_of([tmp_path], tmp_path / "sums")) == [tmp_path / "a.mrcs"]


def test_a_star_file_of_movies_names_them_and_their_pixel_size(tmp_path: Path) -> None:
    (tmp_path / "Movies").mkdir()
    write_mrc(tmp_path / "Movies" / "a.mrcs", STACK)
    star = tmp_path / "movies.star"
    star.write_text(
        "data_optics\n\nloop_\n_rlnOpticsGroup #1\n_rlnMicrographOriginalPixelSize #2\n1 0.885\n\n"
        "data_movies\n\nloop_\n_rlnMicrographMovieName #1\n_rlnOpticsGroup #2\nMovies/a.mrcs 1\n"
    )
    ((movie, target),) = targets_of([star], tmp_path / "sums").items()
    assert movie == tmp_path / "Movies" / "a.mrcs"
    assert target.full == tmp_path / "sums" / "a.mrc"
    assert target.pixel_size == 0.885


def test_the_import_of_a_real_project_names_its_movies() -> None:
    star = DATA / "field" / "relion5_project" / "Import" / "job001" / "movies.star"
    if not star.is_file():
        pytest.skip("the files of other programs are not there")
    with pytest.raises(HalvesError, match="D02"):  # only its list is there, not the movies
        targets_of([star], Path("sums"))


def test_two_movies_of_one_name_are_refused(tmp_path: Path) -> None:
    movies = [write_mrc(tmp_path / name, STACK) for name in ("a.mrc", "a.mrcs")]
    with pytest.raises(OutputError, match="D07"):
        targets_of(movies, tmp_path / "sums")


def test_a_movie_is_never_replaced_by_its_sum(tmp_path: Path) -> None:
    movie = write_mrc(tmp_path / "a.mrc", STACK)
    with pytest.raises(OutputError, match=r"O04 .*would replace this movie"):
        targets_of([movie], tmp_path)


def test_no_movie_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"D01 .*0 movies"):
        targets_of([tmp_path], tmp_path / "sums")


def test_sums_may_lie_beside_their_movies(tmp_path: Path) -> None:
    movie = write_mrc(tmp_path / "a.mrcs", STACK)
    write_mrc(tmp_path / "a.mrc", STACK[0])  # its sum, of an earlier time
    (tmp_path / "grid").mkdir()
    other = write_mrc(tmp_path / "grid" / "b.mrcs", STACK)
    assert list(targets_of([tmp_path], tmp_path)) == [movie, other]


@pytest.mark.parametrize(
    ("optics", "movies"),
    [
        ("_rlnOpticsGroup #1\n_rlnVoltage #2\n1 200", "_rlnOpticsGroup #2\nm.mrcs 1"),
        ("", "_rlnVoltage #2\nm.mrcs 200"),
    ],
)
def test_a_star_file_says_the_voltage_of_its_optics_groups_or_of_each_movie(
    tmp_path: Path, optics: str, movies: str
) -> None:
    write_mrc(tmp_path / "m.mrcs", STACK)
    star = tmp_path / "movies.star"
    table = f"data_optics\n\nloop_\n{optics}\n\n" if optics else ""
    star.write_text(f"{table}data_movies\n\nloop_\n_rlnMicrographMovieName #1\n{movies}\n")
    assert [target.voltage for target in targets_of([star], tmp_path / "sums").values()] == [200]
