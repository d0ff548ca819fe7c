from __future__ import annotations

import gc
import subprocess
import sys
import threading
import weakref
from typing import Any

import pytest
import torch

from cryoden.compute import devices
from cryoden.errors import MicrographError
from napari_cryoden.threads.worker import MAILBOX, Worker, leave_a_core
from tests.napari_cryoden.patience import SECONDS


class Ledger:
    """What a worker told, in order, and in which threads."""

    def __init__(self, worker: Any) -> None:
        self.told: list[tuple[str, Any]] = []
        self.threads: set[threading.Thread] = set()
        worker.delivered.connect(lambda events: self.note("delivered", events))
        worker.failed.connect(lambda message: self.note("failed", message))
        worker.finished.connect(lambda: self.note("finished", None))

    def note(self, signal: Any, value: Any) -> None:
        self.told.append((signal, value))
        self.threads.add(threading.current_thread())

    @property
    def events(self) -> Any:
        return [event for signal, events in self.told if signal == "delivered" for event in events]

    @property
    def deliveries(self) -> Any:
        return sum(signal == "delivered" for signal, _ in self.told)


def run(qtbot: Any, work: Any) -> Any:
    worker = Worker(work)
    ledger = Ledger(worker)
    with qtbot.waitSignal(worker.finished):
        worker.start()
    return ledger


def test_all_events_arrive_in_order_and_then_the_end(qtbot: Any) -> None:
    def work() -> Any:
        yield from range(1000)

    ledger = run(qtbot, work)
    assert ledger.events == list(range(1000))
    assert [signal for signal, _ in ledger.told if signal != "delivered"] == ["finished"]


def test_the_generator_runs_in_a_thread_and_its_events_arrive_in_the_interface(qtbot: Any) -> None:
    def work() -> Any:
        yield threading.current_thread()

    ledger = run(qtbot, work)
    assert ledger.events[0] is not threading.main_thread()
    assert ledger.threads == {threading.main_thread()}


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (RuntimeError, "G03"),
        (ValueError, "G03"),
        (OSError, "O03"),
        (StopIteration, "G03"),
        (MemoryError, "T06"),
    ],
)
def test_an_error_of_any_kind_is_told_before_the_end(qtbot: Any, kind: Any, code: Any) -> None:
    def work() -> Any:
        yield 1
        raise kind("shape [3, 4] does not fit")

    ledger = run(qtbot, work)
    (failed, message), (finished, _) = ledger.told[-2:]
    assert (failed, finished) == ("failed", "finished")
    assert "\n" not in message
    assert message.startswith(code)


def test_an_error_before_the_first_event_is_told_too(qtbot: Any) -> None:
    def work() -> None:
        raise RuntimeError("CUDA error: no kernel image is available")

    assert [signal for signal, _ in run(qtbot, work).told] == ["failed", "finished"]


def test_an_error_of_the_library_keeps_its_own_words(qtbot: Any) -> None:
    error = MicrographError("F03", "a.mrc", "truncated: 10 of 20 bytes", fix="Copy it again")

    def work() -> Any:
        yield from ()
        raise error

    assert run(qtbot, work).told[0] == ("failed", str(error))


def test_out_of_memory_is_named_with_a_way_out(qtbot: Any) -> None:
    def work() -> Any:
        yield from ()
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nGPU 0 has ...")

    (_, line), _ = run(qtbot, work).told
    assert line.startswith("T06  out of memory: CUDA out of memory. Tried to allocate 2.00 GiB.")
    assert "smaller patches" in line


def test_stopping_runs_what_the_generator_does_at_its_end_in_its_own_thread(qtbot: Any) -> None:
    closed_in = []

    def work() -> Any:
        try:
            while True:
                yield threading.current_thread()
        finally:
            closed_in.append(threading.current_thread())

    worker = Worker(work)
    ledger = Ledger(worker)
    worker.delivered.connect(lambda _: worker.stop())
    with qtbot.waitSignal(worker.finished):
        worker.start()
    assert closed_in == [ledger.events[0]]
    assert worker.stopped


@pytest.mark.usefixtures("qapp")
def test_stopping_twice_is_the_same_as_once() -> None:
    def work() -> Any:
        while True:
            yield 1

    worker = Worker(work)
    ledger = Ledger(worker)
    worker.start()
    worker.stop()
    worker.stop()
    assert worker.wait(SECONDS)
    assert [signal for signal, _ in ledger.told if signal != "delivered"] == ["finished"]


def test_hundreds_of_events_come_in_one_delivery(qtbot: Any) -> None:
    started, gate = threading.Event(), threading.Event()

    def work() -> Any:
        yield from range(MAILBOX - 1)
        started.set()
        gate.wait(SECONDS)

    worker = Worker(work)
    ledger = Ledger(worker)
    worker.start()
    assert started.wait(SECONDS)
    gate.set()
    with qtbot.waitSignal(worker.finished):
        pass
    assert ledger.events == list(range(MAILBOX - 1))
    assert ledger.deliveries <= 2


def test_a_flood_of_events_waits_for_the_interface(qtbot: Any) -> None:
    def work() -> Any:
        yield from range(5 * MAILBOX)

    ledger = run(qtbot, work)
    assert ledger.events == list(range(5 * MAILBOX))
    assert max(len(events) for signal, events in ledger.told if signal == "delivered") <= MAILBOX


def test_a_worker_nobody_hears_any_more_ends_by_itself(qtbot: Any) -> None:
    ended = threading.Event()

    def work() -> Any:
        try:
            while True:
                yield 1
        finally:
            ended.set()

    worker = Worker(work)
    worker.start()
    worker.deleteLater()
    qtbot.waitUntil(ended.is_set)


def test_work_that_is_left_to_its_end_comes_to_it_when_nobody_hears_any_more(qtbot: Any) -> None:
    gone, last = threading.Event(), threading.Event()

    def work() -> Any:
        yield 0
        gone.wait(SECONDS)
        yield from range(2 * MAILBOX)
        last.set()

    worker = Worker(work)
    worker.destroyed.connect(gone.set)
    worker.pause(True)
    worker.start()
    worker.leave()
    worker.deleteLater()
    qtbot.waitUntil(last.is_set)


def test_nothing_is_kept_alive_after_a_failure(qtbot: Any) -> None:
    class Tensor:
        pass

    seen = []

    def work() -> Any:
        tensor = Tensor()
        seen.append(weakref.ref(tensor))
        yield 1
        raise RuntimeError("second") from ValueError("first")

    worker = Worker(work)
    with qtbot.waitSignal(worker.finished):
        worker.start()
    gc.collect()
    assert seen[0]() is None


@pytest.mark.usefixtures("four_cores")
def test_one_core_is_left_to_the_interface_and_only_in_the_worker(qtbot: Any) -> None:
    def work() -> Any:
        leave_a_core()
        yield torch.get_num_threads()

    assert run(qtbot, work).events == [3]
    assert torch.get_num_threads() == 4


def test_a_paused_worker_asks_for_nothing_and_goes_on_where_it_was(qtbot: Any) -> None:
    def work() -> Any:
        yield from range(3)

    worker = Worker(work)
    ledger = Ledger(worker)
    worker.pause(True)
    worker.start()
    qtbot.waitUntil(lambda: bool(ledger.events))
    assert ledger.events == [0]
    with qtbot.waitSignal(worker.finished):
        worker.pause(False)
    assert ledger.events == [0, 1, 2]


@pytest.mark.usefixtures("qapp")
def test_a_paused_worker_can_be_stopped() -> None:
    def work() -> Any:
        while True:
            yield 1

    worker = Worker(work)
    worker.pause(True)
    worker.start()
    worker.stop()
    assert worker.wait(SECONDS)


def test_memory_of_a_gpu_is_handed_back_when_the_last_that_computes_has_ended(
    qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, handed_back = threading.Event(), threading.Event()
    monkeypatch.setattr(devices, "give_back", handed_back.set)

    def long() -> Any:
        yield 1
        gate.wait(SECONDS)

    training = Worker(long, computes=True)
    ledger = Ledger(training)
    training.start()
    qtbot.waitUntil(lambda: bool(ledger.events))
    for computes in (False, True):
        other = Worker(lambda: iter_of(range(2)), computes=computes)
        with qtbot.waitSignal(other.finished):
            other.start()
        assert not handed_back.is_set()
    with qtbot.waitSignal(training.finished):
        gate.set()
    assert handed_back.is_set()


def iter_of(events: Any) -> Any:
    yield from events


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_the_peak_of_a_gpu_outlives_a_search(qtbot: Any) -> None:
    held = torch.zeros(1 << 20, device="cuda")
    del held
    before = torch.cuda.max_memory_reserved()
    run(qtbot, lambda: iter_of(range(2)))
    assert torch.cuda.max_memory_reserved() == before > 0


LOADS_TORCH = """
import gc, threading
from qtpy.QtCore import QCoreApplication
from napari_cryoden.threads.worker import Worker, leave_a_core
app = QCoreApplication([])
gc.disable()
searched = []
gc.callbacks.append(lambda phase, info: searched.append(threading.current_thread().name))
def work():
    leave_a_core()
    yield
worker = Worker(work)
worker.finished.connect(app.quit)
worker.start()
app.exec()
print(set(searched))
"""


def test_garbage_is_searched_for_in_the_interfaces_thread_once_torch_is_loaded() -> None:
    """Qt's own may be among it, which its thread alone may delete."""
    said = subprocess.run([sys.executable, "-c", LOADS_TORCH], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "{'MainThread'}"
