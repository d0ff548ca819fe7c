"""Starts the other processes of a training on several GPUs of this machine, and ends them."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from multiprocessing.context import SpawnProcess
from typing import Any

from torch import distributed

from cryoden.compute.ranks import LEAVING, Ranks
from cryoden.errors import in_words

HOME = "127.0.0.1"
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1")  # which terminals and queues send to all processes


@dataclass(frozen=True)
class StartedProcess:
    """A process that the first has started."""

    rank: int
    device: str
    process: SpawnProcess
    said: connection.Connection

    @property
    def sentinel(self) -> int:
        """What is ready when it ends."""
        return self.process.sentinel

    @property
    def end(self) -> str:
        """How it ended, in words; empty while it lives."""
        if self.process.exitcode is None:
            return ""
        said = f"exit status {self.process.exitcode}"
        with suppress(EOFError, OSError):
            said = self.said.recv() if self.said.poll() else said
        return f"process {self.rank + 1} ({self.device}) ended: {said}"

    def join(self, seconds: float) -> None:
        """Wait for its end, no longer than this."""
        self.process.join(seconds)


@contextmanager
def started(follow: Callable[..., None], request: Any, devices: Sequence[str]) -> Iterator[Ranks]:
    """Start a process for each device but the first, which is this one's; end them in the end.

    Parameters
    ----------
    follow : callable
        What each runs; takes the request, its device and its `Ranks`.
    request : object
        What they are to do; it is sent to them.
    devices : sequence of str
        One for each process.
    """
    number, context = len(devices), get_context("spawn")
    store = _store(0, number, is_master=True)
    others: list[StartedProcess] = []
    try:
        for rank, device in enumerate(devices[1:], 1):
            receiver, sender = context.Pipe(duplex=False)
            asked = follow, request, device, (rank, number, store.port), sender
            process = context.Process(target=_entered, args=asked, daemon=True, name=f"rank {rank}")
            process.start()
            sender.close()
            others.append(StartedProcess(rank, device, process, receiver))
        yield Ranks(0, number, store, others)
    except BaseException:
        _ended(others, 0.0)
        raise
    _ended(others, LEAVING)


def _store(port: int, number: int, *, is_master: bool) -> Any:
    """Return where the processes find each other; port 0 for any that is free."""
    return distributed.TCPStore(HOME, port, number, is_master=is_master, wait_for_workers=False)  # type: ignore[attr-defined]  # in no list


def _ended(others: Sequence[StartedProcess], seconds: float) -> None:
    until = time.monotonic() + seconds
    for other in others:
        other.join(max(0.0, until - time.monotonic()))
        other.process.kill()
        other.process.join()


def _entered(
    follow: Callable[..., None],
    request: Any,
    device: str,
    place: tuple[int, int, int],
    sender: connection.Connection,
) -> None:
    """Run one of the other processes; what ends it is sent to the first, which alone heeds signals."""
    for name in SIGNALS:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    rank, number, port = place
    status = 1
    try:
        store = _store(port, number, is_master=False)
        follow(request, device, Ranks(rank, number, store))
        status = 0
    except Exception as error:  # noqa: BLE001  the first reports it
        sender.send(in_words(error))
    finally:
        os._exit(status)  # nothing is left to be done, and libraries' threads need not be waited for


def _end_with_parent() -> None:
    """End at once when the first process is gone: a GPU would compute for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
