"""Workers that are there, and what gives them tasks: some ahead, in no order, those of a lost one again."""

from __future__ import annotations

import math
import time
from asyncio import CancelledError
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar
from uuid import uuid4

from distributed import Client, Future, wait
from distributed.scheduler import KilledWorker

from cryoden.compute import worker_side
from cryoden.errors import CryodenError

One = TypeVar("One")
Task = Callable[[str, Sequence[One]], Any]
Next = Callable[[int], Sequence[One]]
AHEAD = 3  # tasks a worker has or is about to get
FRESH = 1.0  # s; how long a number of workers is believed
LOOK = 2.0  # s between two looks whether there are workers at all
GRACE = 10.0  # s that tasks which were stopped have to end in


class LostWorkerError(CryodenError):
    """Whichever process worked on it has died."""


@dataclass(frozen=True)
class Done:
    """What a task returned; or ``error`` where its processes died, and then of one thing alone."""

    group: Sequence[Any]
    result: Any = None
    error: LostWorkerError | None = None

    def found(self) -> Any:
        """Return the result, or raise the error."""
        if self.error is not None:
            raise self.error
        return self.result


class Crew:
    """Workers of one run.

    Parameters
    ----------
    client : Client
        Of their scheduler.
    where : str
        What they are, in words.
    dashboard : str
        Address of the page that shows what they do; empty for none.
    patience : float
        Seconds to wait for a first worker after the last one has gone; of a queue without end.
    replace : callable or None
        Starts workers in the place of those that ended, and does nothing where there are none.

    Attributes
    ----------
    on_gpus : bool
        Whether they are known to compute on GPUs.
    per_gpu : int
        How many of them share a GPU.
    """

    def __init__(
        self,
        client: Client,
        where: str,
        dashboard: str = "",
        patience: float = math.inf,
        replace: Callable[[], None] | None = None,
    ) -> None:
        self.client, self.where, self.dashboard = client, where, dashboard
        self.patience, self._replace, self.on_gpus, self.per_gpu = patience, replace, False, 1
        self.run = uuid4().hex
        self._number, self._size, self._looked = 0, 0, -math.inf
        self._seen = time.monotonic()

    @property
    def size(self) -> int:
        """How many workers there are now."""
        if time.monotonic() - self._looked > FRESH:
            with _scheduler_there():
                self._size = len(self.client.scheduler_info()["workers"])
            if self._replace is not None:
                self._replace()
            self._looked = time.monotonic()
            self._seen = self._looked if self._size else self._seen
        return self._size

    def check(self) -> None:
        """Raise C04 when there has been no worker for too long."""
        if not self.size and time.monotonic() - self._seen > self.patience:
            problem, fix = "all worker processes died, and none could be started again", "Use fewer of them"
            raise LostWorkerError("C04", None, problem, kept="Finished results are kept", fix=fix)

    def unordered(self, task: Task[One], following: Next[One]) -> Generator[Done, None, None]:
        """Have groups of things worked on, and yield each that is done.

        Where no more are asked for, tasks are stopped, and waited for as long as that takes them.

        Parameters
        ----------
        task : callable
            What a worker does, given the name of the run, see `worker_side.is_stopped`, and a group.
        following : callable
            Gives the next group for a number of workers, empty where there is none.

        Raises
        ------
        CryodenError
            C03 when the scheduler is gone.
        Exception
            What a task raised.
        """
        tasks = _Tasks(self, task, following)
        try:
            yield from tasks.done()
        finally:
            tasks.stop()

    def each(self, task: Task[One], things: Iterable[One]) -> Generator[Any, None, None]:
        """Have things worked on one by one, and yield what each gave; see `unordered`.

        Raises
        ------
        LostWorkerError
            C04 where the processes died that worked on one of them.
        """
        left = iter(things)
        with closing(self.unordered(task, lambda _: list(islice(left, 1)))) as ended:
            for done in ended:
                yield done.found()

    def submit(self, task: Task[One], group: Sequence[One]) -> Future[Any]:
        """Give a task to whoever is free next."""
        self._number += 1
        return self.client.submit(task, self.run, group, key=f"cryoden-{self.run}-{self._number}")


def _gone() -> CryodenError:
    fix = "Start it, and repeat the command to resume"
    return CryodenError("C03", None, "the Dask scheduler is gone", kept="Finished results are kept", fix=fix)


@contextmanager
def _scheduler_there() -> Iterator[None]:
    """Say of a connection that breaks what it means."""
    try:
        yield
    except (OSError, CancelledError, KeyError) as error:  # it is asked for its workers, and has none to name
        raise _gone() from error


class _Tasks:
    def __init__(self, crew: Crew, task: Task[Any], following: Next[Any]) -> None:
        self._crew, self._task, self._following = crew, task, following
        self._running: dict[Future[Any], Sequence[Any]] = {}
        self._alone = deque[Any]()  # of groups whose workers died: each is tried by itself

    def done(self) -> Iterator[Done]:
        self._give()
        while self._running:
            future = self._next()
            found = self._result(future, self._running.pop(future))
            self._give()  # before it is reported, so that nobody waits for that
            if found is not None:
                yield found
            self._give()  # once more: what is reported may bring more to do

    def _next(self) -> Future[Any]:
        """Wait for a task that has ended."""
        while True:
            ended = next((future for future in self._running if future.done()), None)
            if ended is not None:
                return ended
            with _scheduler_there(), self._crew.client.as_current(), suppress(TimeoutError):
                wait(list(self._running), timeout=LOOK, return_when="FIRST_COMPLETED")
            self._crew.check()

    def _give(self) -> None:
        workers = max(1, self._crew.size)
        while len(self._running) < AHEAD * workers:
            group = [self._alone.popleft()] if self._alone else self._following(workers)
            if not group:
                return
            future = self._crew.submit(self._task, group)
            self._running[future] = group

    def _result(self, future: Future[Any], group: Sequence[Any]) -> Done | None:
        if future.status in {"lost", "cancelled"}:
            raise _gone()
        error = future.exception()
        if isinstance(error, KilledWorker) and len(group) > 1:
            self._alone.extend(group)
            return None
        if isinstance(error, KilledWorker):
            problem = f"each of {error.allowed_failures + 1} worker processes that worked on it died"
            fix = "Look at its size, and at the memory of a worker"
            return Done(group, error=LostWorkerError("C04", None, problem, kept="Skipped", fix=fix))
        return Done(group, future.result())

    def stop(self) -> None:
        if not self._running:
            return
        left, client = list(self._running), self._crew.client
        with suppress(Exception), client.as_current():  # of workers that are gone nothing is wanted
            client.run(worker_side.stop, self._crew.run)
            wait(left, timeout=GRACE if self._crew.size else 0)
        with suppress(Exception):
            client.cancel(left)
