"""What of a movie that is done lies where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cryoden.events.batch import FileFinished
from napari_cryoden.jobs.batch import BatchJob
from napari_cryoden.jobs.movies import MoviesJob, halves_of, shifts_of
from tests.cryoden.movies.movies import movie_frames, write_mrc


def test_halves_and_shifts_are_found_beside_the_sum(qtbot: Any, viewer: Any, tmp_path: Path) -> None:
    job = MoviesJob.of(viewer)
    with qtbot.waitSignal(job.ended):
        job.make(write_mrc(tmp_path / "a.b.mrcs", movie_frames(4)), tmp_path / "out")
    (result,) = job.results
    assert isinstance(result, FileFinished)
    assert [half.name for half in halves_of(result)] == ["a.b_EVN.mrc", "a.b_ODD.mrc"]
    assert all(path.is_file() for path in (*halves_of(result), shifts_of(result)))
    assert job.output == tmp_path / "out"


def test_a_window_has_a_job_of_each_kind(viewer: Any) -> None:
    movies: object = MoviesJob.of(viewer)
    assert BatchJob.of(viewer) is not movies
    assert MoviesJob.of(viewer) is movies
