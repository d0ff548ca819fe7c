"""How a batch stands, folded from its events: command line and viewer say the same."""

from __future__ import annotations

import math
import statistics
from collections import deque
from pathlib import Path

from cryoden.errors import printable
from cryoden.events.batch import (
    BatchEvent,
    BatchFinished,
    FileFailed,
    FileFinished,
    FileSkipped,
    FileStarted,
    FileThinned,
    FileWaiting,
    FolderWatched,
    TileFinished,
    WorkersStarted,
)
from cryoden.events.history import clock

LONGEST_NAME = 32  # so that a line fits the viewer's dock
RECENT = 9  # files an estimate is made from; the median of them forgives one that was paused


class BatchProgress:
    """Counts and times of a batch, of the same few bytes however many files it has.

    Attributes
    ----------
    at : FileStarted or None
        The current file.
    done, failed, skipped : int
        Files with a new result, without one, and with one from before.
    ended : BatchFinished or None
        How the batch ended.
    """

    def __init__(self) -> None:
        self.at: FileStarted | None = None
        self.done = self.failed = self.skipped = 0
        self.ended: BatchFinished | None = None
        self._share, self._waits, self._watches = 0.0, False, False
        self._seconds: deque[float] = deque(maxlen=RECENT)

    def add(self, event: BatchEvent) -> None:
        """Take one event in."""
        self._waits, self._watches = isinstance(event, FileWaiting), isinstance(event, FolderWatched)
        if isinstance(event, FileStarted):
            self.at, self._share = event, 0.0
        elif isinstance(event, TileFinished):
            self._share = event.done / event.total
        elif isinstance(event, BatchFinished):
            self.ended = event
        elif not isinstance(event, FileWaiting | WorkersStarted | FolderWatched):
            self._count(event)

    def _count(self, event: FileFinished | FileThinned | FileFailed | FileSkipped) -> None:
        if self.at is not None and event.path == self.at.path:  # not one that was written meanwhile
            self._share = 1.0
        if isinstance(event, FileFailed):
            self.failed += 1
        elif isinstance(event, FileSkipped):
            self.skipped += 1
        else:
            self.done += 1
            self._seconds.append(event.seconds)

    @property
    def progress(self) -> float:
        """How much of the batch is behind, 0 to 1."""
        return (self.at.index + self._share) / self.at.total if self.at else 0.0

    @property
    def remaining(self) -> float:
        """Seconds to the end, as if every file left took as long as the last ones; NaN before the first."""
        if self.at is None or not self._seconds:
            return math.nan
        return statistics.median(self._seconds) * self.at.total * (1.0 - self.progress)

    def status_line(self) -> str:
        """Return the state of the batch in one line for people."""
        if self._watches:
            return " · ".join([f"{self.done:,} done, waiting for micrographs", *self._others()])
        if self.at is None:
            return "no file yet"
        where = f"{self.at.index + 1:,}/{self.at.total:,}", short_name(self.at.path)
        if self._waits:
            return " · ".join([*where, "another process is making it"])
        return " · ".join([*where, f"ETA {clock(self.remaining)}", *self._others()])

    def _others(self) -> list[str]:
        counted = ((self.failed, "failed"), (self.skipped, "skipped"))
        return [f"{count:,} {word}" for count, word in counted if count]


def short_name(path: Path) -> str:
    """Return the name of a file in at most 32 letters; a longer one without its middle."""
    name = printable(path.name)
    if len(name) <= LONGEST_NAME:
        return name
    end = (LONGEST_NAME - 1) // 2
    return f"{name[: LONGEST_NAME - 1 - end]}…{name[-end:]}"


def summary(ended: BatchFinished) -> str:
    """Return how a batch ended, in one line for people."""
    skipped = f", {ended.skipped:,} skipped (already done)" if ended.skipped else ""
    untried = f", {ended.untried:,} not tried ({ended.why_untried})" if ended.untried else ""
    counts = f"{ended.finished:,} done{skipped}, {len(ended.failed):,} failed{untried}"
    where = f" on {ended.device}" if ended.device else ""
    return "; ".join(
        filter(None, [f"{counts} ({clock(ended.seconds)}{where})", ended.halves, ended.left_out])
    )
