from __future__ import annotations

import gc
import threading
import weakref

import numpy as np

from cryoden.sampling.stream import Stream
from tests.cryoden.training.numbered import CPU, Numbered, steps


def test_reading_goes_no_further_ahead_than_there_are_buffers() -> None:
    source = Numbered(10_000, 4)
    batches = Stream(source, 3, CPU).batches(steps(2500))
    next(batches)
    batches.close()
    assert len(source.asked) <= 4 * 26


def reading_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("patches")]


def test_stopping_in_the_middle_leaves_no_thread_and_frees_the_buffers() -> None:
    batches = Stream(Numbered(1000, 4), 3, CPU).batches(steps(250))
    batch = next(batches)
    memory = weakref.ref(np.asarray(batch.noisy.base))
    assert len(reading_threads()) == 3
    batches.close()
    assert reading_threads() == []
    del batch, batches
    gc.collect()
    assert memory() is None
