"""Many files one after the other: one that fails never costs the rest, many that fail end it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from cryoden.errors import DiskFullError, as_known, printable
from cryoden.events.batch import (
    BatchEvent,
    BatchFinished,
    FileFailed,
    FileFinished,
    FileSkipped,
    FileStarted,
    FileWaiting,
)
from cryoden.io.claim import beside, claim

Target = TypeVar("Target")
Work = Callable[[Path, Target], Generator[BatchEvent, None, None]]

ENOUGH_FILES, TOO_MANY_FAILURES = 20, 0.1
IN_THE_WAY = "O05"  # of a result lies something else: no sign of a bad batch
WAIT = 1.0  # s between two looks at what another process is making


class InUseError(Exception):
    """Another process is making this result."""


@contextmanager
def alone(target: Path) -> Iterator[None]:
    """Keep other processes from making the same result meanwhile.

    Raises
    ------
    InUseError
        When another one is at it.
    """
    try:
        held = claim(beside(target))
    except OSError:  # where no claim can be made, no result can either, and writing it says why
        yield
        return
    if held is None:
        raise InUseError
    with held:
        yield


@dataclass
class Tally:
    """How a batch stands."""

    total: int
    began: float = field(default_factory=time.monotonic)
    failed: list[Path] = field(default_factory=list)
    bad: int = 0
    skipped: int = 0
    tried: int = 0
    is_full: bool = False

    @property
    def ended_by(self) -> str:
        """Why no more is tried, in words; nothing while there is no reason."""
        if self.is_full:
            return "disk full"
        too_many = self.tried >= ENOUGH_FILES and self.bad > TOO_MANY_FAILURES * self.tried
        return "too many failed" if too_many else ""

    def fail(self, path: Path, error: Exception) -> FileFailed:
        """Count a file that gave no result, and return what is said of it."""
        self.failed.append(path)
        self.bad += getattr(error, "code", "") != IN_THE_WAY
        self.is_full |= isinstance(error, DiskFullError)
        known = as_known(error, path)
        return FileFailed(path, str(known), known.code, printable(known.problem))

    def count(self, end: FileFinished | FileSkipped | FileFailed) -> None:
        """Count a file that was worked on elsewhere."""
        self.tried += 1
        self.skipped += isinstance(end, FileSkipped)
        if isinstance(end, FileFailed):
            self.failed.append(end.path)
            self.bad += end.code != IN_THE_WAY

    def finished(self) -> BatchFinished:
        """Return how the batch ended."""
        done, untried = self.tried - len(self.failed) - self.skipped, self.total - self.tried
        seconds = time.monotonic() - self.began
        why = self.ended_by or BatchFinished.why_untried
        return BatchFinished(done, tuple(self.failed), untried, seconds, self.skipped, why)


def in_turn(targets: Mapping[Path, Target], work: Work[Target]) -> Iterator[BatchEvent]:
    """Do the work for each file and yield its events.

    A file that fails is named and skipped. When more than a tenth of at least twenty files
    has failed, or the disk is full, the batch ends early. What another process is making comes
    last, and is waited for.

    Parameters
    ----------
    targets : mapping of Path
        For each file, at least one, where its result goes.
    work : callable
        Makes the result of one file, or yields `FileSkipped` where it exists already; raises
        `InUseError` where another process is making it.
    """
    tally, waiting, passed = Tally(len(targets)), deque(targets.items()), 0
    while waiting and not tally.ended_by:
        path, target = waiting.popleft()
        if passed > len(waiting):  # all that are left are in use
            yield FileWaiting(path)
            time.sleep(WAIT)
            passed = 0
        try:
            yield from _one(path, work, target, tally)
        except InUseError:
            waiting.append((path, target))
            passed += 1
        else:
            passed = 0
    yield tally.finished()


def _one(path: Path, work: Work[Target], target: Target, tally: Tally) -> Iterator[BatchEvent]:
    """Yield the events of one file and count how it went."""
    yield FileStarted(path, tally.tried, tally.total)
    try:
        tally.skipped += yield from _counted(work(path, target))
    except InUseError:
        raise
    except Exception as error:  # noqa: BLE001  whatever it is, it costs this file and no other
        yield tally.fail(path, error)
    tally.tried += 1


def _counted(events: Generator[BatchEvent, None, None]) -> Generator[BatchEvent, None, int]:
    """Pass the events of one file on; return 1 when it was done before, else 0."""
    skipped = 0
    with closing(events):  # a batch that is stopped must not leave a file half-way
        for event in events:
            skipped += isinstance(event, FileSkipped)
            yield event
    return skipped


def ending(events: Iterator[BatchEvent], summed: int = 0, **known: str) -> Iterator[BatchEvent]:
    """Pass events on, the last with what is known of the whole batch and with what became of halves.

    Halves of ``summed`` exposures were left out, as their full sum is there.
    """
    added = before = 0
    for event in events:
        added += isinstance(event, FileFinished) and event.odd is not None
        before += isinstance(event, FileSkipped) and event.of_halves
        if isinstance(event, BatchFinished):
            words = {**known, "halves": _of_halves(added, summed, before)}
            yield replace(event, **words)  # type: ignore[arg-type]  # texts
        else:
            yield event


def _of_halves(added: int, summed: int, before: int) -> str:
    """Return in words what became of halves; nothing where there are none."""
    left_out, kept = summed - before, "made before from both halves kept, though their full sum is there"
    parts = (
        (added, f"{added:,} from the sum of both halves"),
        (left_out, f"halves of {left_out:,} left out, as their full sum is there"),
        (before, f"{before:,} {kept} (see --overwrite)"),
    )
    return "; ".join(words for number, words in parts if number)
