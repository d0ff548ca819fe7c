"""Processes that compute together, each its share of every batch: on several GPUs, or processors.

``torchrun`` starts them, or `cryoden.compute.started_ranks`. Sums over all of them go through NCCL on GPUs
and gloo elsewhere; what the first says to the others, through gloo.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from multiprocessing import connection
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed

from cryoden.errors import TrainingError

if TYPE_CHECKING:  # some builds of torch lack it, and train as one process
    from torch.distributed.distributed_c10d import Store

GIVEN = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")  # by torchrun
LAUNCHED = "TORCHELASTIC_RUN_ID"
LONG = timedelta(days=7)  # the first may validate, or be paused; who has gone is noticed otherwise
POLL = 5e-5  # s
LEAVING = 5.0  # s that the others are given to end by themselves

Arrays = Mapping[str, NDArray[np.float32]]


class Other(Protocol):
    """A process that this one has started."""

    @property
    def sentinel(self) -> int:
        """What is ready when it ends."""

    @property
    def end(self) -> str:
        """How it ended, in words; empty while it lives."""

    def join(self, seconds: float) -> None:
        """Wait for its end, no longer than this."""


class Ranks:
    """One process of several, or one alone.

    Parameters
    ----------
    rank, number : int
        Which it is, from 0, and how many there are.
    store : Store or None
        Where they find each other; ``None`` for the one torchrun has made.
    others : sequence
        The processes that this one has started.
    """

    def __init__(
        self,
        rank: int = 0,
        number: int = 1,
        store: Store | None = None,
        others: Sequence[Other] = (),
    ) -> None:
        self.rank, self.number = rank, number
        self._store, self._others, self._meetings = store, others, 0

    @property
    def share(self) -> tuple[int, int]:
        """Rank and number, as `cryoden.sampling.stream.Stream` takes them."""
        return self.rank, self.number

    @property
    def leads(self) -> bool:
        """Whether it is the one that reports and saves."""
        return self.rank == 0

    @contextmanager
    def together(self, device: torch.device) -> Iterator[None]:
        """Compute together, from when all are ready; on a processor they share its cores.

        Raises
        ------
        TrainingError
            T16 when one of them has ended.
        """
        if self.number == 1:
            yield
            return
        threads = torch.get_num_threads()
        if device.type == "cpu" and LAUNCHED not in os.environ:  # torchrun gives each its threads itself
            torch.set_num_threads(max(1, threads // self.number))
        try:
            self._meet(device)
            yield
        except BaseException:
            _abort(device)
            raise
        finally:
            torch.set_num_threads(threads)
            if distributed.is_initialized():
                distributed.destroy_process_group()

    def _meet(self, device: torch.device) -> None:
        if self._store is None:
            self._store = next(distributed.rendezvous("env://"))[0]  # type: ignore[attr-defined]  # in no list
        self._meetings += 1
        store = distributed.PrefixStore(f"cryoden_{self._meetings}", self._store)  # type: ignore[attr-defined]
        self._check_in(store)
        backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
        more = {"rank": self.rank, "world_size": self.number, "timeout": LONG}
        with self._lost_in_words():
            distributed.init_process_group(backend, store=store, **more)  # type: ignore[arg-type]  # each its own

    def add_up(self, values: Tensor) -> None:
        """Replace values by their sum over all processes, the same bits in each.

        Raises
        ------
        TrainingError
            T16 when one of them has ended.
        """
        with self._lost_in_words():
            work = distributed.all_reduce(values, async_op=True)
            while not work.is_completed():  # to wait for a GPU would be to wait for ever, and for no signal
                self._look()
                time.sleep(POLL)
            work.wait()

    def say(self, *numbers: float) -> None:
        """Say numbers to the others, who `hear` as many; nothing where there are none or this is another."""
        if self.number > 1 and self.leads:
            with self._lost_in_words():
                distributed.broadcast(torch.tensor(numbers, dtype=torch.float64), 0)

    def hear(self, count: int) -> list[float]:
        """Return what the first says."""
        heard = torch.zeros(count, dtype=torch.float64)
        with self._lost_in_words():
            distributed.broadcast(heard, 0)
        return heard.tolist()

    def part(self) -> None:
        """Wait until all are here: who left before would take along what another has not heard yet."""
        if self.number > 1:
            self.add_up(torch.zeros(1))

    def agreed(self, arrays: Arrays) -> Arrays:
        """Return the first's arrays in each process; those given say what they are like."""
        if self.number == 1:
            return arrays
        found = {name: torch.from_numpy(arrays[name].copy()) for name in sorted(arrays)}
        with self._lost_in_words():
            for one in found.values():
                distributed.broadcast(one, 0)
        return {name: one.numpy() for name, one in found.items()}

    def _check_in(self, store: Store) -> None:
        store.set(f"ready_{self.rank}", "yes")
        ready = [f"ready_{rank}" for rank in range(self.number)]
        while self.leads and not store.check(ready):
            self._look()
            time.sleep(0.01)

    def _look(self) -> None:
        for other in self._others:
            if end := other.end:
                raise lost(end)

    def _await_an_end(self) -> None:
        """Give a process that has gone the time to be seen to have gone."""
        sentinels = [other.sentinel for other in self._others]
        ready = connection.wait(sentinels, timeout=LEAVING) if sentinels else []
        for other in self._others:
            if other.sentinel in ready:
                other.join(LEAVING)

    @contextmanager
    def _lost_in_words(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:  # as torch says that another is gone
            self._await_an_end()
            self._look()
            raise lost(f"the connection of process {self.rank + 1} to the others broke: {error}") from error


ALONE = Ranks()


def _abort(device: torch.device) -> None:
    """Give up what a GPU still waits for; the others may be gone."""
    world = distributed.group.WORLD
    if device.type == "cuda" and world is not None:
        with suppress(RuntimeError):
            world._get_backend(device).abort()


def lost(words: str) -> TrainingError:
    """Return T16 for a process that has ended."""
    fix = "Train again, on fewer devices or with a smaller batch if memory was short"
    return TrainingError("T16", None, words, kept="The best model so far is kept", fix=fix)


def given() -> Ranks:
    """Return which of several processes this is where torchrun has started it, else one alone."""
    if not all(name in os.environ for name in GIVEN):
        return ALONE
    return Ranks(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))


def given_device() -> str:
    """Return the device of a process that torchrun has started."""
    if not torch.cuda.is_available():
        return "cpu"
    return "cuda:0" if torch.cuda.device_count() == 1 else f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
