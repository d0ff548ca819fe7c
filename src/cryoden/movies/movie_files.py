"""Which movies are meant, and where their sums go: one name for each, the tree of folders kept."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryoden.dataset.folder_walk import PURPOSES, entries, natural
from cryoden.dataset.star_files import is_star, listed
from cryoden.errors import MicrographError, OutputError, SettingsError, printable
from cryoden.io.atomic import atomic_write
from cryoden.io.mrc import is_mrc_name
from cryoden.io.mrc_probe import probe
from cryoden.movies.readers import is_movie_name
from cryoden.movies.shift_files import OURS, star_word

MOVIE = ("rlnMicrographMovieName",)
LABELS = ("rlnMicrographName", "rlnMicrographNameEven", "rlnMicrographNameOdd", "rlnMicrographMetadata")
Listed = tuple[Path, Path, float | None, float | None]


@dataclass(frozen=True)
class Target:
    """Where the sums of one movie go, and its Å/px and kV where a STAR file says them."""

    full: Path
    pixel_size: float | None = None
    voltage: float | None = None

    def beside(self, ending: str, suffix: str = ".mrc") -> Path:
        """Return the path of another result of the same movie."""
        return self.full.with_name(f"{self.full.stem}{ending}{suffix}")

    def shifts(self) -> tuple[Path, Path]:
        """Return the files of its shifts: STAR and picture."""
        return self.beside("_shifts", ".star"), self.beside("_shifts", ".svg")


def targets_of(paths: Sequence[Path], output: Path, left_out: Sequence[Path] = ()) -> dict[Path, Target]:
    """Return for each movie among files, folders and STAR files where its sums go.

    Parameters
    ----------
    paths : sequence of Path
        Movies, folders of them, and RELION STAR files with a column rlnMicrographMovieName.
    output : Path
        Folder of the sums; not searched below others.
    left_out : sequence of Path
        Files that are no movies, such as the gain reference.

    Raises
    ------
    SettingsError
        D01 when there is no movie.
    OutputError
        D07 when two movies would have the same sums, O04 when sums would replace a movie.
    """
    others = {os.path.realpath(path) for path in (*left_out, output)}
    found = {
        movie: Target(output / parent / f"{movie.stem}.mrc", *said)
        for movie, parent, *said in _movies(paths, others)
        if os.path.realpath(movie) not in others
    }
    if not found:
        asked = ", ".join(printable(path) for path in paths)
        fix = "Give movies (MRC, TIFF, EER), folders or STAR files of them"
        raise SettingsError("D01", None, f"0 movies match '{asked}' in {Path.cwd()}", fix=fix)
    _refuse_collisions(found)
    return found


def write_list(final: Path, done: Sequence[Target], *, overwrite: bool) -> None:
    """Write the STAR file that lists the sums of all movies that are done, halves beside full."""
    rows = [
        " ".join(
            star_word(file.as_posix())
            for file in (one.full, one.beside("_EVN"), one.beside("_ODD"), one.shifts()[0])
        )
        for one in done
    ]
    columns = "\n".join(f"_{label} #{number}" for number, label in enumerate(LABELS, 1))
    text = f"{OURS}\n\ndata_micrographs\n\nloop_\n{columns}\n" + "\n".join(rows) + "\n"
    with atomic_write(final, overwrite=overwrite) as part:
        part.write_text(text, encoding="utf-8", errors="surrogateescape", newline="\n")


def _refuse_collisions(found: dict[Path, Target]) -> None:
    inputs = {os.path.realpath(movie): movie for movie in found}
    taken: dict[Path, Path] = {}
    for movie, target in found.items():
        if taken.setdefault(target.full, movie) != movie:
            problem = f"{taken[target.full]} would have the same sums, {target.full}"
            raise OutputError(
                "D07", movie, problem, kept="Nothing was done", fix="Give the folder above both"
            )
        if os.path.realpath(target.full) in inputs:
            problem = f"the sum of {printable(movie.name)} would replace this movie"
            raise OutputError(
                "O04", target.full, problem, kept="The movie is untouched", fix="Choose another folder"
            )


def _movies(paths: Sequence[Path], without: set[str]) -> Iterator[Listed]:
    """Yield movies, their place in the tree, and their Å/px and kV where those are known."""
    for path in paths:
        if path.is_dir():
            entered = without - {os.path.realpath(path)}  # sums may lie beside their movies
            yield from ((file, file.parent.relative_to(path), None, None) for file in _below(path, entered))
        elif is_star(path):
            yield from _listed(path)
        else:
            yield path, Path(), None, None


def _listed(star: Path) -> Iterator[Listed]:
    rows = listed(star, MOVIE, "Give the STAR file of an import of movies")
    common = os.path.commonpath({row.files[0].parent for row in rows}) if rows else ""
    for row in rows:
        file = row.files[0]
        yield file, file.parent.relative_to(common), row.pixel_size, row.voltage


def _below(folder: Path, entered: set[str]) -> Iterator[Path]:
    """Yield the movies of a folder and of those below it, each real folder once."""
    if (real := os.path.realpath(folder)) in entered:
        return
    entered.add(real)
    inside = sorted(entries(folder), key=lambda entry: natural(entry.name))
    yield from (folder / entry.name for entry in inside if entry.is_file() and _is_movie(Path(entry.path)))
    for entry in inside:
        if entry.is_dir():
            yield from _below(folder / entry.name, entered)


def _is_movie(path: Path) -> bool:
    """Tell a movie from what lies beside it: single images, gain references, masks."""
    if not is_movie_name(path.name) or any(names.fullmatch(path.stem) for names in PURPOSES.values()):
        return False
    if not is_mrc_name(path):
        return True
    try:
        return probe(path).nz > 1
    except MicrographError:
        return True  # is reported where it is read
