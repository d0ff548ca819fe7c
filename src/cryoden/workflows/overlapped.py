"""Many files at once, each in one of three stages: it is read, worked on, or written.

The work is done in the thread that asks for events, one file after the other in their order. Other
threads read those that come next and write those that are done. They are given files only while
events are asked for, so a batch that is paused rests as soon as they are done with those they have.
How many files are in memory is bounded, and of big ones how many bytes.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cryoden.errors import Remark
from cryoden.events.batch import BatchEvent, FileFinished, FileSkipped, FileStarted, FileWaiting
from cryoden.workflows import batch
from cryoden.workflows.lanes import Clock, Lanes, Task, threads

MOST_BYTES = 1 << 30  # of pixels that were read ahead, and of those that are being written


@dataclass(eq=False)
class _Lane:
    """A file that another thread has, or that has ended and is to be reported in its turn."""

    task: Task
    nbytes: int
    future: Future[Any]
    began: float = 0.0
    seconds: float = 0.0  # from its turn to that of the next file, once there was one
    end: BatchEvent | None = None


def overlapped(
    targets: Mapping[Path, Path], begin: Callable[[Path, Path], Task], lanes: Lanes
) -> Generator[BatchEvent, None, None]:
    """Do the work of each file and yield its events.

    Files are worked on and reported in their order, so that lists and logs read as the folder does;
    one that takes long to write is waited for by no more than the other writers have meanwhile. What
    fails, and what other processes make, is treated as by `cryoden.workflows.batch.in_turn`. Where no more
    events are asked for, results that are being written are finished, and all else is left undone.

    Parameters
    ----------
    targets : mapping of Path
        For each file, at least one, where its result goes.
    begin : callable
        Gives the task of one file.
    lanes : Lanes
        How many files are read ahead and written at once.
    """
    stages = _Stages(targets, begin, lanes)
    try:
        yield from stages.events()
    finally:
        stages.stop()


class _Stages:
    def __init__(
        self, targets: Mapping[Path, Path], begin: Callable[[Path, Path], Task], lanes: Lanes
    ) -> None:
        self._tally, self._clock, self._lanes, self._begin = batch.Tally(len(targets)), Clock(), lanes, begin
        self._left = deque(targets.items())
        self._ahead, self._reports = deque[_Lane](), deque[_Lane]()
        self._current: Task | None = None
        self._turns = self._in_use = 0
        self._readers, self._writers = threads(lanes.ahead, "read"), threads(lanes.writers, "write")

    def events(self) -> Iterator[BatchEvent]:
        while not self._tally.ended_by and self._read_ahead(max(1, self._lanes.ahead)):
            yield from self._turn(self._ahead.popleft())
            yield from self._written()
        yield from self._written(0)
        self.stop()
        yield replace(self._tally.finished(), stages=self._clock.seconds)

    def stop(self) -> None:
        """Give up what is not being written, and wait for what is; no thread is left."""
        undone = [one.task for one in self._ahead] + ([self._current] if self._current else [])
        for task in undone:
            task.abandon()
        self._readers.shutdown(cancel_futures=True)
        for task in undone:  # those that came to their end meanwhile
            task.abandon()
        self._writers.shutdown()

    def _read_ahead(self, most: int) -> bool:
        """Give files to the readers while there is room; tell whether there is a next one."""
        while self._left and len(self._ahead) < most:
            task = self._begin(*self._left[0])
            nbytes = task.nbytes()
            if self._ahead and _bytes(self._ahead) + nbytes > MOST_BYTES:
                break
            self._left.popleft()
            future = self._readers.submit(self._clock.timed, "reading", task.read)
            self._ahead.append(_Lane(task, nbytes, future))
        return bool(self._ahead)

    def _turn(self, lane: _Lane) -> Iterator[BatchEvent]:
        """Yield the events of a file until it is handed over to be written, or ends otherwise."""
        self._current, lane.began = lane.task, time.monotonic()
        for one in self._writing:
            one.seconds = one.seconds or lane.began - one.began
        self._read_ahead(self._lanes.ahead)
        yield FileStarted(lane.task.path, self._turns, self._tally.total)
        try:
            yield from self._worked(lane)
        except batch.InUseError:
            yield from self._postponed(lane.task)
            return
        except Exception as error:  # noqa: BLE001  whatever it is, it costs this file and no other
            self._end(lane, self._tally.fail(lane.task.path, error))
        self._in_use = 0
        self._turns += 1

    def _worked(self, lane: _Lane) -> Iterator[BatchEvent]:
        while not lane.future.done():
            yield from self._waited_for([lane.future])
        if not lane.future.result():
            self._tally.skipped += 1
            task = lane.task
            self._end(lane, FileSkipped(task.path, task.output, task.odd, task.of_halves))
            return
        yield from self._denoised(lane.task)
        yield from self._written(max(0, self._lanes.writers - 1), lane.nbytes)
        if self._tally.ended_by:
            lane.task.abandon()
            return
        self._current = None
        lane.future = self._writers.submit(self._published, lane.task)
        self._reports.append(lane)

    def _published(self, task: Task) -> tuple[Remark, ...]:
        self._clock.timed("denoising", task.make)
        return self._clock.timed("writing", task.write)

    def _denoised(self, task: Task) -> Iterator[BatchEvent]:
        """Yield tiles, and what was written meanwhile; given up where that ends the batch."""
        with closing(task.work()) as tiles:
            while not self._tally.ended_by and (tile := self._clock.timed("denoising", next, tiles, None)):
                yield tile
                yield from self._written()

    def _postponed(self, task: Task) -> Iterator[BatchEvent]:
        """Put a file that another process makes behind all others, and wait once those are left alone."""
        self._left.append((task.path, task.output))
        self._in_use += 1
        if self._in_use >= len(self._left) + len(self._ahead):
            yield from self._written(0)
            yield FileWaiting(task.path)
            time.sleep(batch.WAIT)
            self._in_use = 0

    def _written(self, most: int | None = None, nbytes: int = 0) -> Iterator[BatchEvent]:
        """Yield how files ended; wait until at most so many are written, or wait for one before them.

        With ``nbytes`` until there is room for so many more, too.
        """
        yield from self._reported()
        while most is not None and self._writing:
            if len(self._reports) <= most and _bytes(self._writing) + nbytes <= MOST_BYTES:
                return
            yield from self._waited_for([])

    def _waited_for(self, others: list[Future[Any]]) -> Iterator[BatchEvent]:
        """Wait until a file is written, or another thing is done; yield how files ended."""
        with self._clock.runs("waiting"):
            wait([*others, *(one.future for one in self._writing)], return_when=FIRST_COMPLETED)
        yield from self._reported()

    def _reported(self) -> Iterator[BatchEvent]:
        """Count what has ended, and yield it as far as all before has ended, too."""
        for lane in self._writing:
            if lane.future.done():
                self._tally.tried += 1
                lane.end = self._end_of(lane)
        while self._reports and (end := self._reports[0].end) is not None:
            self._reports.popleft()
            yield end

    def _end_of(self, lane: _Lane) -> BatchEvent:
        try:
            warnings = lane.future.result()
        except Exception as error:  # noqa: BLE001  as above
            return self._tally.fail(lane.task.path, error)
        seconds = lane.seconds or time.monotonic() - lane.began
        return FileFinished(lane.task.path, lane.task.output, seconds, warnings, lane.task.odd)

    def _end(self, lane: _Lane, end: BatchEvent) -> None:
        self._tally.tried += 1
        lane.end = end
        self._reports.append(lane)

    @property
    def _writing(self) -> list[_Lane]:
        return [one for one in self._reports if one.end is None]


def _bytes(lanes: Iterable[_Lane]) -> int:
    return sum(one.nbytes for one in lanes)
