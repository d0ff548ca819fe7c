from __future__ import annotations

import threading

import pytest

from cryoden.workflows.lanes import AT_WORK, ENOUGH, Clock, Lanes, suiting, threads


def test_seconds_of_files_that_are_read_at_once_add_up() -> None:
    clock, both = Clock(), threading.Barrier(2)
    with threads(2, "read") as readers:
        done = [readers.submit(clock.timed, "reading", both.wait, 300) for _ in range(2)]
        alone = min(one.result() for one in done)
    assert alone == 0
    before = clock.seconds.reading
    with clock.runs("reading"):
        assert clock.seconds.reading == before > 0
    assert clock.seconds.reading > before
    assert (clock.seconds.denoising, clock.seconds.writing, clock.seconds.waiting) == (0, 0, 0)


def test_time_that_ends_in_an_error_counts_too() -> None:
    clock = Clock()
    with pytest.raises(ZeroDivisionError):
        clock.timed("writing", lambda: 1 / 0)
    assert clock.seconds.writing > 0


def test_no_threads_do_everything_where_it_is_asked_for() -> None:
    with threads(0, "read") as readers:
        done = readers.submit(threading.current_thread)
        assert done.result() is threading.current_thread()
        with pytest.raises(ZeroDivisionError):
            readers.submit(lambda: 1 / 0).result()


def test_several_are_denoised_at_once_where_a_gpu_has_room_for_them() -> None:
    assert suiting("cpu") == Lanes(1, 1)
    assert suiting("cuda", memory=ENOUGH).at_work == AT_WORK
    assert suiting("cuda", memory=ENOUGH - 1).at_work == suiting("mps").at_work == 0


def test_processes_that_share_processors_have_fewer_threads_each() -> None:
    alone, shared = suiting("cuda"), suiting("cuda", share=1 << 20)
    assert (shared.ahead, shared.writers) == (1, 1)
    assert alone.writers >= alone.ahead >= 1
