from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("distributed", reason="needs the extra [cluster]")

from cryoden.compute import worker_side
from cryoden.compute.worker_side import Place, Placed, is_stopped, own_device, resident, room, stop, untaken


@pytest.fixture(autouse=True)
def _as_a_worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(worker_side, "PLACE", Place(threads=1))
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def test_each_worker_of_a_machine_gets_its_device_and_leaves_a_ctrl_c_to_whoever_started_it() -> None:
    worker: Any = SimpleNamespace(name=1)
    Placed(("cuda:0", "cuda:2"), threads=5).setup(worker)
    assert Place("cuda:2", 5, share=2) == worker_side.PLACE
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_a_model_is_loaded_once_until_another_one_is_asked_for() -> None:
    loaded: list[str] = []

    def load(name: str) -> str:
        loaded.append(name)
        return name

    for name in ("a", "a", "b", "a"):
        assert resident(name, lambda name=name: load(name)) == name  # type: ignore[misc]  # bound at once
    assert loaded == ["a", "b", "a"]


@pytest.mark.parametrize(("kind", "most"), [("cpu", 1), ("cuda", 2)])
def test_no_more_tasks_are_at_work_than_suits_the_device(kind: str, most: int) -> None:
    inside, highest, lock = 0, 0, threading.Lock()
    gate = threading.Barrier(most)

    def task() -> None:
        nonlocal inside, highest
        with room(kind):
            with lock:
                inside += 1
                highest = max(highest, inside)
            gate.wait()  # until as many are here as may be
            with lock:
                inside -= 1

    threads = [threading.Thread(target=task) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert highest == most


def test_a_run_that_is_stopped_stops_no_other() -> None:
    stop("one")
    assert is_stopped("one")
    assert not is_stopped("other")


@pytest.mark.skipif(os.name == "nt", reason="needs locks of files")
def test_each_process_takes_another_gpu_until_it_ends(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from cryoden.compute.worker_side import untaken\n"
        "print(untaken(['a', 'b'], Path(sys.argv[1])), flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "0\n"
    assert untaken(["a", "b"], tmp_path) == 1
    other.communicate()
    assert untaken(["a", "b"], tmp_path) == 0


def test_more_workers_than_gpus_share_the_first(tmp_path: Path) -> None:
    assert [untaken(["a", "b"], tmp_path) for _ in range(3)] == [0, 1, 0]


def test_a_device_that_was_given_or_asked_for_by_number_is_taken_as_it_is() -> None:
    assert own_device("cuda:3") == "cuda:3"
    worker_side.PLACE.device = "cuda:1"
    assert own_device("auto") == "cuda:1"
