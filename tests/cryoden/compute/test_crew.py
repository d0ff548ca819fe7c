"""Workers that do tasks, die of them and are stopped: two processes, started once for this file."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil
import pytest

pytest.importorskip("distributed", reason="needs the extra [cluster]")

from distributed import Client, LocalCluster

from cryoden.compute.crew import AHEAD, Crew, Done, LostWorkerError
from cryoden.compute.hiring import hired
from cryoden.compute.worker_side import is_stopped
from cryoden.errors import CryodenError, MicrographError
from cryoden.settings.workers import WorkerSettings


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    with hired(WorkerSettings(workers=2), "auto") as crew:
        yield crew


def in_groups(things: Sequence[int], size: int) -> Callable[[int], Sequence[int]]:
    left = [things[at : at + size] for at in range(0, len(things), size)]
    return lambda _: left.pop(0) if left else []


def squares(_: str, group: Sequence[int]) -> list[int]:
    return [number**2 for number in group]


def pids(folder: Path, _run: str, _group: Sequence[int]) -> int:
    """Say in a folder which process is at work, and wait until two are."""
    (folder / str(os.getpid())).touch()
    while len(list(folder.iterdir())) < 2:
        pass
    return os.getpid()


def fatal_once(folder: Path, _: str, group: Sequence[int]) -> list[int]:
    """Kill the process that is given 3, but for the second time."""
    mark = folder / "killed"
    if 3 in group and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return list(group)


def fatal(_: str, group: Sequence[int]) -> list[int]:
    if 3 in group:
        os.kill(os.getpid(), signal.SIGKILL)
    return list(group)


def endless(folder: Path, run: str, group: Sequence[int]) -> None:
    (folder / f"begun {group[0]}").touch()
    while group[0] and not is_stopped(run):
        time.sleep(0.01)
    (folder / f"ended {group[0]}").touch()


def refused(_: str, group: Sequence[int]) -> None:
    raise MicrographError("F03", "a.mrc", f"truncated: {group[0]} of 9 bytes", kept="Skipped")


def test_every_group_is_done_once_by_whoever_is_free(crew: Crew) -> None:
    found = [done.result for done in crew.unordered(squares, in_groups(range(23), 3))]
    assert sorted(number for group in found for number in group) == [number**2 for number in range(23)]


def test_both_workers_are_at_work_at_the_same_time(crew: Crew, tmp_path: Path) -> None:
    found = {done.result for done in crew.unordered(partial(pids, tmp_path), in_groups(range(4), 1))}
    assert len(found) == 2


def test_no_more_is_given_out_than_a_few_tasks_ahead(crew: Crew) -> None:
    given: list[int] = []
    left = iter(range(50))

    def following(workers: int) -> list[int]:
        given.append(workers)
        return [next(left)]

    events = crew.unordered(squares, following)
    next(events)
    assert len(given) <= AHEAD * crew.size + 1
    events.close()
    assert given[0] == 2


def test_what_a_dead_worker_had_is_done_by_others(crew: Crew, tmp_path: Path) -> None:
    found = [done.result for done in crew.unordered(partial(fatal_once, tmp_path), in_groups(range(8), 2))]
    assert (tmp_path / "killed").exists()
    assert Counter(number for group in found for number in group) == Counter(range(8))


def test_a_process_that_dies_while_it_is_started_is_replaced_as_well(crew: Crew, tmp_path: Path) -> None:
    for _ in range(2):  # one that works, then the one that is started in its place
        before = _processes()
        victim = next(iter(before))
        victim.kill()
        while not (fresh := _processes() - before):
            pass
        fresh.pop().kill()
    found = {done.result for done in crew.unordered(partial(pids, tmp_path), in_groups(range(4), 1))}
    assert len(found) == 2


def _processes() -> set[psutil.Process]:
    """Return the worker processes of this one."""
    return {one for one in psutil.Process().children() if "spawn_main" in " ".join(_command(one))}


def _command(process: psutil.Process) -> list[str]:
    with suppress(psutil.Error):
        return [str(part) for part in process.cmdline()]
    return []


def test_what_kills_each_of_its_workers_is_named_and_costs_nothing_that_was_with_it(crew: Crew) -> None:
    done = list(crew.unordered(fatal, in_groups(range(6), 2)))
    lost = [one for one in done if one.error is not None]
    assert [list(one.group) for one in lost] == [[3]]
    assert "C04" in str(lost[0].error)
    assert sorted(n for one in done if one.error is None for n in one.result) == [0, 1, 2, 4, 5]
    with pytest.raises(LostWorkerError, match="C04"):
        lost[0].found()


def test_whoever_asks_no_more_has_its_tasks_stopped_and_ended(crew: Crew, tmp_path: Path) -> None:
    events = crew.unordered(partial(endless, tmp_path), in_groups(range(9), 1))
    assert isinstance(next(events), Done)  # of group 0, which ends by itself
    events.close()
    begun, ended = (
        {path.name.split()[1] for path in tmp_path.glob(f"{word} *")} for word in ("begun", "ended")
    )
    assert begun == ended
    assert len(ended) < 9


def test_an_error_of_a_task_is_raised_as_it_was(crew: Crew) -> None:
    with pytest.raises(MicrographError, match=r"^F03  a\.mrc — truncated: 7 of 9 bytes\. Skipped\.$"):
        list(crew.each(refused, [7]))


def test_a_crew_of_which_nobody_is_left_ends_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cryoden.compute.crew.LOOK", 0.1)
    monkeypatch.setattr("cryoden.compute.crew.FRESH", 0.0)
    with (
        LocalCluster(n_workers=0, processes=False, dashboard_address=None) as nobody,
        Client(nobody) as client,
    ):
        events = Crew(client, "nobody", patience=0.5).each(squares, [1, 2])
        with pytest.raises(LostWorkerError, match="C04  all worker processes died"):
            next(events)


def test_a_scheduler_that_goes_away_ends_the_work_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cryoden.compute.crew.FRESH", 0.0)
    gone = LocalCluster(n_workers=1, processes=False, dashboard_address=None)
    with Client(gone, timeout=1) as client:
        events = Crew(client, "one thread").each(squares, range(1000))
        next(events)
        gone.close()
        with pytest.raises(CryodenError, match="C03  the Dask scheduler is gone"):
            list(events)
