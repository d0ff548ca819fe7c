from __future__ import annotations

from collections.abc import Generator
from inspect import GEN_CLOSED, getgeneratorstate
from pathlib import Path

from cryoden.events.batch import BatchEvent, FileStarted, TileFinished
from cryoden.workflows.batch import in_turn


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
