"""Making halves from movies in a viewer window."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, cast

from cryoden.events.batch import BatchEvent
from napari_cryoden.jobs.batch import FilesJob, Result
from napari_cryoden.preferences import preferences
from napari_cryoden.threads.worker import leave_a_core


class MoviesJob(FilesJob):
    """Makes motion-corrected even, odd and full sums of movies.

    Attributes
    ----------
    movies : Path or None
        What was given: a folder, a movie or a STAR file.
    """

    title, again = "Making halves", "Make halves"

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self.movies: Path | None = None

    def make(self, movies: Path, output: Path, **request: Any) -> None:
        """Begin with a folder, a movie or a STAR file.

        Parameters
        ----------
        movies, output : Path
            What to sum, and the folder of the sums.
        **request
            Fields of `cryoden.movies.halves.HalvesRequest`.

        Raises
        ------
        TrainingError
            G05 while others are being made.
        """
        self.begin(
            partial(_made, movies, output, request, preferences().spare_cores), "looking at the movies"
        )
        self.fresh(output)
        self.movies = movies
        self.changed.emit()


def halves_of(result: Result) -> tuple[Path, Path]:
    """Return the even and the odd sum of a movie that is done."""
    full = result.output
    return full.with_name(f"{full.stem}_EVN.mrc"), full.with_name(f"{full.stem}_ODD.mrc")


def shifts_of(result: Result) -> Path:
    """Return the STAR file of a movie's shifts."""
    return result.output.with_name(f"{result.output.stem}_shifts.star")


def _made(
    movies: Path, output: Path, request: dict[str, Any], spare_cores: int
) -> Generator[BatchEvent, None, None]:
    leave_a_core(spare_cores)
    from cryoden.movies.halves import HalvesRequest, make_halves  # noqa: PLC0415  it loads torch, which docking must not

    events = make_halves([movies], output, HalvesRequest(**request))
    with closing(cast("Generator[BatchEvent, None, None]", events)):
        yield from events
