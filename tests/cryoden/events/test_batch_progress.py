from __future__ import annotations

import math
from pathlib import Path

import pytest

from cryoden.events.batch import (
    BatchEvent,
    BatchFinished,
    FileFailed,
    FileFinished,
    FileSkipped,
    FileStarted,
    FolderWatched,
    TileFinished,
    WorkersStarted,
)
from cryoden.events.batch_progress import BatchProgress, summary


def told(*events: BatchEvent) -> BatchProgress:
    tally = BatchProgress()
    for event in events:
        tally.add(event)
    return tally


def finished(index: int, seconds: float, total: int = 10) -> tuple[BatchEvent, BatchEvent]:
    path = Path(f"m{index}.mrc")
    return FileStarted(path, index, total), FileFinished(path, path, seconds, ())


def test_a_batch_not_begun_has_no_end_in_sight() -> None:
    assert told().status_line() == "no file yet"
    assert told().progress == 0
    assert math.isnan(told(FileStarted(Path("a.mrc"), 0, 3), TileFinished(1, 2)).remaining)


def test_the_line_says_where_how_long_and_what_went_wrong() -> None:
    skipped, failed = Path("m0.mrc"), Path("m1.mrc")
    tally = told(
        FileStarted(skipped, 0, 10), FileSkipped(skipped, skipped),
        FileStarted(failed, 1, 10), FileFailed(failed, "F01  b — empty file", "F01", "empty file"),
        *finished(2, 20.0),
        FileStarted(Path("/far/m3.mrc"), 3, 10), TileFinished(1, 4),
    )  # fmt: skip
    assert tally.progress == pytest.approx(0.325)
    assert tally.remaining == pytest.approx(20 * 6.75)
    assert tally.status_line() == "4/10 · m3.mrc · ETA 2:15 · 1 failed · 1 skipped"
    assert (tally.done, tally.failed, tally.skipped) == (1, 1, 1)


def test_a_file_that_was_written_while_another_is_denoised_is_no_progress_of_that() -> None:
    begun, done = finished(0, 5.0)
    tally = told(begun, FileStarted(Path("m1.mrc"), 1, 10), TileFinished(1, 4), done)
    assert tally.progress == pytest.approx(0.125)
    assert tally.done == 1


def test_a_watch_counts_and_says_that_it_waits_until_something_comes() -> None:
    begun, done = finished(0, 5.0)
    waits = FolderWatched(1, Path("out/cryoden-stop"))
    tally = told(WorkersStarted("cuda:0, cuda:1"), begun, done, waits)
    assert tally.status_line() == "1 done, waiting for micrographs"
    tally.add(FileStarted(Path("m1.mrc"), 1, 2))
    assert tally.status_line() == "2/2 · m1.mrc · ETA 0:05"


def test_a_long_name_loses_its_middle() -> None:
    name = "FoilHole_23452_Data_8871_8872_20240131_120501_Fractions.mrc"
    line = told(FileStarted(Path(name), 0, 2)).status_line()
    assert line == "1/2 · FoilHole_23452_D…1_Fractions.mrc · ETA –"


def test_one_file_that_was_paused_does_not_spoil_the_estimate() -> None:
    events = [event for index in range(5) for event in finished(index, 3600.0 if index == 2 else 2.0)]
    assert told(*events).remaining == pytest.approx(2.0 * 5)


def test_the_end_tells_what_was_done_and_what_was_not() -> None:
    gone = (Path("a"), Path("b"))
    assert summary(BatchFinished(12, (), 0, 63.0)) == "12 done, 0 failed (1:03)"
    ended = BatchFinished(0, gone, 1200, 63.0, skipped=5)
    assert (
        summary(ended)
        == "0 done, 5 skipped (already done), 2 failed, 1,200 not tried (too many failed) (1:03)"
    )
