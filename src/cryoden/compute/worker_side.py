"""What a worker process keeps between tasks: its place, what it has loaded, and what was stopped."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from getpass import getuser
from pathlib import Path
from tempfile import gettempdir
from threading import BoundedSemaphore, Lock, RLock
from typing import Any, TypeVar, cast

import torch
from distributed import Worker, WorkerPlugin, get_worker

from cryoden.settings.fields import Device

Kept = TypeVar("Kept")
AT_ONCE = {"cpu": 1}  # tasks that compute; of a GPU the next one reads while the last one writes


@dataclass
class Place:
    """Where this worker computes.

    Attributes
    ----------
    device : Device
        Its device; empty where it takes what the task says.
    threads : int
        Threads of the processors; 0 for those that Dask has given to it.
    share : int
        Workers that share the processors of this machine.
    """

    device: Device = ""
    threads: int = 0
    share: int = 1


PLACE = Place()
TURN = RLock()  # one task computes at a time, so that nobody waits for half of two
_KEPT: dict[Hashable, Any] = {}
_LOADING, _STOPPED = Lock(), set[str]()
_ROOM: dict[str, BoundedSemaphore] = {}


class Placed(WorkerPlugin):
    """Gives each worker of this machine its device and its share of the processors.

    Parameters
    ----------
    devices : sequence of Device
        Of the workers, by their number.
    threads : int
        Threads of the processors for each.
    """

    name = "cryoden"

    def __init__(self, devices: tuple[Device, ...], threads: int) -> None:
        self.devices, self.threads = devices, threads

    def setup(self, worker: Worker) -> None:
        """Take the place; a Ctrl-C is for the process that has started this one."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        PLACE.device = self.devices[int(cast("int", worker.name)) % len(self.devices)]
        PLACE.threads, PLACE.share = self.threads, len(self.devices)


def own_device(asked: Device) -> Device:
    """Return where this worker computes: what was given to it, or a GPU that no other one here has taken."""
    if not PLACE.device and asked in {"auto", "cuda"} and torch.cuda.device_count() > 1:
        gpus = [str(torch.cuda.get_device_properties(at).uuid) for at in range(torch.cuda.device_count())]
        PLACE.device = f"cuda:{untaken(gpus, Path(gettempdir()))}"
    return PLACE.device or asked


def untaken(names: Sequence[str], folder: Path) -> int:
    """Take the first thing that no process of this machine has taken, until this one ends; else the first."""
    own = (number for number, name in enumerate(names) if _locked(folder / f"cryoden-{getuser()}-{name}"))
    return next(own, 0)


def _locked(path: Path) -> bool:
    """Lock a file for as long as this process lives; tell whether it could be had."""
    try:
        import fcntl  # noqa: PLC0415  absent on Windows

        # Everyone writes into the folder: a link that lies there in the file's place leads nowhere.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    except (ImportError, OSError):
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return False
    return True


def resident(key: Hashable, load: Callable[[], Kept]) -> Kept:
    """Return what is loaded once in a process, and kept until something else is asked for."""
    with _LOADING:
        if key not in _KEPT:
            _KEPT.clear()
            torch.set_num_threads(PLACE.threads or max(1, get_worker().state.nthreads))
            _KEPT[key] = load()
        return cast("Kept", _KEPT[key])


@contextmanager
def room(kind: str) -> Iterator[None]:
    """Wait until as few tasks are at work on this kind of device as suits it."""
    with _LOADING:
        free = _ROOM.setdefault(kind, BoundedSemaphore(AT_ONCE.get(kind, 2)))
    with free:
        yield


def stop(run: str) -> None:
    """End the tasks of a run after what they are at."""
    _STOPPED.add(run)


def is_stopped(run: str) -> bool:
    """Tell whether nobody wants the results of this run any more."""
    return run in _STOPPED
