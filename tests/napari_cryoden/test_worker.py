from __future__ import annotations

import gc
import threading
import weakref

import pytest
import torch

from cryoden.errors import MicrographError
from napari_cryoden.worker import Worker, in_words, leave_a_core


class Ledger:
    """What a worker told, in order, and in which threads."""

    def __init__(self, worker):
        self.told = []
        self.threads = set()
        worker.delivered.connect(lambda events: self.note("delivered", events))
        worker.failed.connect(lambda message: self.note("failed", message))
        worker.finished.connect(lambda: self.note("finished", None))

    def note(self, signal, value):
        self.told.append((signal, value))
        self.threads.add(threading.current_thread())

    @property
    def events(self):
        return [event for signal, events in self.told if signal == "delivered" for event in events]

    @property
    def deliveries(self):
        return sum(signal == "delivered" for signal, _ in self.told)


def run(qtbot, work):
    worker = Worker(work)
    ledger = Ledger(worker)
    with qtbot.waitSignal(worker.finished, timeout=20_000):
        worker.start()
    return ledger


def test_all_events_arrive_in_order_and_then_the_end(qtbot):
    def work():
        yield from range(1000)

    ledger = run(qtbot, work)
    assert ledger.events == list(range(1000))
    assert [signal for signal, _ in ledger.told if signal != "delivered"] == ["finished"]


def test_the_generator_runs_in_a_thread_and_its_events_arrive_in_the_interface(qtbot):
    def work():
        yield threading.current_thread()

    ledger = run(qtbot, work)
    assert ledger.events[0] is not threading.main_thread()
    assert ledger.threads == {threading.main_thread()}


@pytest.mark.parametrize("kind", [RuntimeError, ValueError, OSError, StopIteration, MemoryError])
def test_an_error_of_any_kind_is_told_before_the_end(qtbot, kind):
    def work():
        yield 1
        raise kind("shape [3, 4] does not fit")

    ledger = run(qtbot, work)
    (failed, message), (finished, _) = ledger.told[-2:]
    assert (failed, finished) == ("failed", "finished")
    assert "\n" not in message
    assert message.startswith("T06" if kind is MemoryError else "G03")


def test_an_error_before_the_first_event_is_told_too(qtbot):
    def work():
        raise RuntimeError("CUDA error: no kernel image is available")

    assert [signal for signal, _ in run(qtbot, work).told] == ["failed", "finished"]


def test_an_error_of_the_library_keeps_its_own_words(qtbot):
    error = MicrographError("F03", "a.mrc", "truncated: 10 of 20 bytes", fix="Copy it again")

    def work():
        raise error
        yield

    assert run(qtbot, work).told[0] == ("failed", str(error))


def test_out_of_memory_is_named_with_a_way_out():
    line = in_words(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nGPU 0 has ..."))
    assert line.startswith("T06  out of memory: CUDA out of memory. Tried to allocate 2.00 GiB.")
    assert "smaller patches" in line


def test_stopping_runs_what_the_generator_does_at_its_end_in_its_own_thread(qtbot):
    closed_in = []

    def work():
        try:
            while True:
                yield threading.current_thread()
        finally:
            closed_in.append(threading.current_thread())

    worker = Worker(work)
    ledger = Ledger(worker)
    worker.delivered.connect(lambda _: worker.stop())
    with qtbot.waitSignal(worker.finished, timeout=20_000):
        worker.start()
    assert closed_in == [ledger.events[0]]
    assert worker.stopped


def test_stopping_twice_is_the_same_as_once(qtbot):
    def work():
        while True:
            yield 1

    worker = Worker(work)
    ledger = Ledger(worker)
    worker.start()
    worker.stop()
    worker.stop()
    assert worker.stop_and_wait(10)
    assert [signal for signal, _ in ledger.told if signal != "delivered"] == ["finished"]


def test_thousands_of_events_come_in_few_deliveries(qtbot):
    started, gate = threading.Event(), threading.Event()

    def work():
        yield from range(20_000)
        started.set()
        gate.wait(20)

    worker = Worker(work)
    ledger = Ledger(worker)
    worker.start()
    assert started.wait(20)
    gate.set()
    with qtbot.waitSignal(worker.finished, timeout=20_000):
        pass
    assert ledger.events == list(range(20_000))
    assert ledger.deliveries <= 2


def test_nothing_is_kept_alive_after_a_failure(qtbot):
    class Tensor:
        pass

    seen = []

    def work():
        tensor = Tensor()
        seen.append(weakref.ref(tensor))
        yield 1
        try:
            raise RuntimeError("first")
        except RuntimeError as error:
            raise RuntimeError("second") from error

    worker = Worker(work)
    with qtbot.waitSignal(worker.finished, timeout=20_000):
        worker.start()
    gc.collect()
    assert seen[0]() is None


def test_one_core_is_left_to_the_interface_and_only_in_the_worker(qtbot):
    before = torch.get_num_threads()

    def work():
        leave_a_core()
        yield torch.get_num_threads()

    import os

    assert run(qtbot, work).events == [max(1, min(before, len(os.sched_getaffinity(0)) - 1))]
    assert torch.get_num_threads() == before
