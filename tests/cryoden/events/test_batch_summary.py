from __future__ import annotations

from pathlib import Path

from cryoden.errors import Remark
from cryoden.events.batch import BatchEvent, FileFailed, FileFinished, FileSkipped
from cryoden.events.batch_summary import MOST, BatchSummary


def finished(name: str, seconds: float, *remarks: Remark) -> FileFinished:
    return FileFinished(Path(name), Path("out") / name, seconds, remarks)


def failed(name: str, code: str = "F01") -> FileFailed:
    return FileFailed(Path(name), f"{code}  {name}", code, f"is wrong: {code}")


def test_it_says_how_many_how_long_what_failed_why_and_what_is_odd() -> None:
    summary, odd = BatchSummary(), Remark("T10", "almost nothing was found")
    events: list[BatchEvent] = [
        finished("a", 1.0),
        finished("b", 9.0, odd),
        finished("c", 2.0),
        FileSkipped(Path("d"), Path("e")),
        *(failed(f"bad{number}") for number in range(4)),
    ]
    for event in events:
        summary.add(event)
    assert list(summary.rows()) == [
        ("done", "3", "median 2 s", ""),
        ("skipped", "1", "already done", ""),
        ("failed", "4", "F01: is wrong: F01 (the first of 4)", "bad0, bad1, bad2, …"),
        ("remark", "1", "T10: almost nothing was found", "b"),
    ]


def test_it_is_no_longer_than_a_screen_whatever_went_wrong() -> None:
    summary = BatchSummary()
    for number in range(5_000):
        summary.add(failed(f"m{number}", f"F{number % 60}"))
    rows = list(summary.rows())
    assert len(rows) == MOST + 1
    assert rows[-1][2].startswith("others: ")
    assert sum(int(row[1].replace(",", "")) for row in rows) == 5_000


def test_a_batch_of_one_good_file_needs_no_table() -> None:
    summary = BatchSummary()
    summary.add(finished("a", 1.0))
    assert not summary.says_more
    summary.add(failed("b"))
    assert summary.says_more
