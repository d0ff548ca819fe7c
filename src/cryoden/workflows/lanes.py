"""Stages of a batch: what is done to a file in each, in how many threads, and how long it takes."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Literal, Protocol, TypeVar

from cryoden.compute import devices
from cryoden.denoising.denoise import Denoiser
from cryoden.denoising.denoisers import Denoisers
from cryoden.errors import Remark
from cryoden.events.batch import StageSeconds, TileFinished
from cryoden.settings.denoising import DenoisingSettings

Result = TypeVar("Result")
Stage = Literal["reading", "denoising", "writing", "waiting"]

READERS, WRITERS, AT_WORK = 6, 12, 4  # at most, with a GPU
ENOUGH = 20 << 30  # bytes of a GPU's memory, in which several micrographs of any detector have room


class Task(Protocol):
    """One file, or two halves, on their way through the stages, each of which is asked for once."""

    path: Path
    output: Path
    odd: Path | None
    of_halves: bool

    def nbytes(self) -> int:
        """Return how much memory its pixels will take."""

    def read(self) -> bool:
        """Read the file; tell whether there is anything to do.

        Raises
        ------
        InUseError
            See `cryoden.workflows.batch.InUseError`.
        """

    def work(self) -> Generator[TileFinished, None, None]:
        """Make the result; closed before its end it gives the file up."""

    def make(self) -> None:
        """Do what is left of making the result, beside the work on other files: in a writer's thread."""

    def write(self) -> tuple[Remark, ...]:
        """Publish the result and return what is odd about it."""

    def abandon(self) -> None:
        """Give the file up between two stages, and while it is read let that end soon."""


@dataclass(frozen=True)
class Lanes:
    """How many files are in other stages beside the one worked on.

    Parameters
    ----------
    ahead : int
        Read before their turn, by as many threads; with 0 each is read in its turn.
    writers : int
        Written at once; with 0 each is written before the next has its turn.
    at_work : int
        Of those that have a writer's thread, how many may be worked on in it at once; with 0 each is
        worked on in its turn. While a processor launches work for one, a GPU does that for another.
    """

    ahead: int = 1
    writers: int = 2
    at_work: int = 0


IN_LINE = Lanes(0, 0)


def suiting(device: str, share: int = 1, memory: int = ENOUGH) -> Lanes:
    """Return how many files to read ahead, to write and to denoise at once.

    A GPU denoises a micrograph in less time than a thread takes to read or to write one. A CPU is
    busy with denoising. ``share`` is the number of processes that share the processors,
    ``memory`` that of the GPU, in bytes.
    """
    half = (os.cpu_count() or 1) // (2 * share) + 1
    several = device == "cuda" and memory >= ENOUGH
    most = Lanes(min(READERS, half), min(WRITERS, half), AT_WORK if several else 0)
    return Lanes(1, 1) if device == "cpu" else most


def pooled(
    denoiser: Denoiser, settings: DenoisingSettings, lanes: Lanes | None = None, share: int = 1
) -> tuple[Denoisers, Lanes]:
    """Return denoisers for a batch, and its lanes: those that suit the device, unless they are given."""
    device = denoiser.place.device
    held = devices.memory_held(device)
    lanes = lanes or suiting(device.type, share, held[1] if held else 0)
    return Denoisers(denoiser, settings, lanes.at_work), lanes


class Clock:
    """Seconds of each stage, from all threads."""

    def __init__(self) -> None:
        self._lock, self._seconds = Lock(), defaultdict[Stage, float](float)

    @property
    def seconds(self) -> StageSeconds:
        """What there was so far."""
        return StageSeconds(**{str(stage): seconds for stage, seconds in self._seconds.items()})

    @contextmanager
    def runs(self, stage: Stage) -> Iterator[None]:
        """Add the time of a block."""
        began = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                self._seconds[stage] += time.monotonic() - began

    def timed(self, stage: Stage, call: Callable[..., Result], *arguments: Any) -> Result:
        """Add the time of a call, and return what it returns."""
        with self.runs(stage):
            return call(*arguments)


class _InLine(Executor):
    """Does what it is given at once, in the thread that gives it."""

    def submit(self, call: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        done = Future[Any]()
        try:
            done.set_result(call(*arguments, **named))
        except Exception as error:  # noqa: BLE001  it is raised where the result is asked for
            done.set_exception(error)
        return done


def threads(count: int, name: str) -> Executor:
    """Return so many threads, to be shut down; none does everything at once in the caller's."""
    return ThreadPoolExecutor(count, f"cryoden-{name}") if count else _InLine()
