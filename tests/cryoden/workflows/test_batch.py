from __future__ import annotations

from collections.abc import Generator
from inspect import GEN_CLOSED, getgeneratorstate
from pathlib import Path
from typing import Any

import pytest

from cryoden.errors import DiskFullError
from cryoden.events.batch import (
    BatchEvent,
    BatchFinished,
    FileFailed,
    FileFinished,
    FileStarted,
    FileWaiting,
    TileFinished,
)
from cryoden.io.claim import beside, claim
from cryoden.workflows.batch import alone, in_turn


def test_a_batch_that_is_stopped_ends_the_file_under_way() -> None:
    begun: list[Generator[BatchEvent, None, None]] = []

    def tiles() -> Generator[BatchEvent, None, None]:
        yield TileFinished(1, 2)
        yield TileFinished(2, 2)

    def work(path: Path, target: None) -> Generator[BatchEvent, None, None]:  # noqa: ARG001  as any work is called
        begun.append(tiles())
        return begun[-1]

    events = in_turn({Path("a"): None, Path("b"): None}, work)
    assert [next(events), next(events)] == [FileStarted(Path("a"), 0, 2), TileFinished(1, 2)]
    events.close()  # type: ignore[attr-defined]  # it is a generator
    assert [getgeneratorstate(one) for one in begun] == [GEN_CLOSED]


def over(targets: dict[Path, Any], work: Any) -> tuple[list[BatchEvent], BatchFinished]:
    *events, ended = in_turn(targets, work)
    assert isinstance(ended, BatchFinished)
    return events, ended


@pytest.mark.parametrize(
    "error",
    [KeyError("mode"), TypeError("no"), AssertionError(), ZeroDivisionError("x"), RecursionError(),
     EOFError(), UnicodeError("x"), StopIteration(), AttributeError("x"), MemoryError(), OSError("x"),
     RuntimeError("x")],
)  # fmt: skip
def test_whatever_goes_wrong_with_a_file_costs_that_file_and_names_it(error: Exception) -> None:
    def work(path: Path, target: None) -> Generator[BatchEvent, None, None]:  # noqa: ARG001  as above
        if path == Path("b.mrc"):
            raise error
        yield FileFinished(path, path, 0.0, ())

    events, ended = over(dict.fromkeys(map(Path, ("a.mrc", "b.mrc", "c.mrc"))), work)
    (failed,) = (event for event in events if isinstance(event, FileFailed))
    assert failed.path == Path("b.mrc")
    assert "b.mrc — " in failed.message
    assert "\n" not in failed.message
    assert (ended.finished, ended.failed) == (2, (Path("b.mrc"),))


def test_on_a_full_disk_nothing_more_is_computed() -> None:
    begun = []

    def work(path: Path, target: None) -> Generator[BatchEvent, None, None]:  # noqa: ARG001  as above
        begun.append(path)
        yield TileFinished(1, 1)
        raise DiskFullError("O02", path, "could not be written: no space left")

    _, ended = over(dict.fromkeys(map(Path, "abc")), work)
    assert begun == [Path("a")]
    assert (ended.untried, ended.why_untried) == (2, "disk full")


def test_what_another_process_makes_comes_last_and_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cryoden.workflows.batch.WAIT", 0.0)
    held = claim(beside(tmp_path / "a"))
    assert held is not None

    def work(path: Path, target: Path) -> Generator[BatchEvent, None, None]:
        with alone(target):
            yield FileFinished(path, target, 0.0, ())

    done, waits = [], 0
    for event in in_turn({Path(name): tmp_path / name for name in "abc"}, work):
        waits += isinstance(event, FileWaiting)
        done += [event.path.name] if isinstance(event, FileFinished) else []
        if waits == 3:
            held.release()
    assert (done, waits) == (["b", "c", "a"], 3)
    assert list(tmp_path.iterdir()) == []


def test_many_failures_among_the_first_end_a_batch_as_soon_as_there_are_enough_files() -> None:
    def work(path: Path, target: None) -> Generator[BatchEvent, None, None]:  # noqa: ARG001  as above
        if int(path.name) < 5:
            raise ValueError("bad")
        yield FileFinished(path, path, 0.0, ())

    _, ended = over({Path(str(number)): None for number in range(60)}, work)
    assert (len(ended.failed), ended.finished, ended.untried) == (5, 15, 40)
    assert ended.why_untried == "too many failed"
