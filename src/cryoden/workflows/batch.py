"""Many files one after the other: one that fails never costs the rest, many that fail end it."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from cryoden.errors import CryodenError, in_words
from cryoden.events.batch import BatchEvent, BatchFinished, FileFailed, FileSkipped, FileStarted

Target = TypeVar("Target")
Work = Callable[[Path, Target], Generator[BatchEvent, None, None]]

ENOUGH_FILES, TOO_MANY_FAILURES = 20, 0.1


def in_turn(targets: Mapping[Path, Target], work: Work[Target], left_out: str = "") -> Iterator[BatchEvent]:
    """Do the work for each file and yield its events.

    A file that fails is named and skipped. When more than a tenth of at least twenty files
    has failed, the batch ends early.

    Parameters
    ----------
    targets : mapping of Path
        For each file, at least one, where its result goes.
    work : callable
        Makes the result of one file, or yields `FileSkipped` where it exists already.
    left_out : str
        What the last event shall say of files that are not among them.
    """
    began = time.monotonic()
    failed: list[Path] = []
    bad = skipped = 0
    for index, (path, target) in enumerate(targets.items()):
        yield FileStarted(path, index, len(targets))
        try:
            skipped += yield from _counted(work(path, target))
        except (CryodenError, OSError, MemoryError, RuntimeError) as error:
            failed.append(path)
            bad += getattr(error, "code", "") != "O05"  # in the way of a result: no sign of a bad batch
            yield FileFailed(path, in_words(error, path))
        if index + 1 >= ENOUGH_FILES and bad > TOO_MANY_FAILURES * (index + 1):
            break
    tried = index + 1
    finished, seconds = tried - len(failed) - skipped, time.monotonic() - began
    yield BatchFinished(finished, tuple(failed), len(targets) - tried, seconds, skipped, left_out)


def _counted(events: Generator[BatchEvent, None, None]) -> Generator[BatchEvent, None, int]:
    """Pass the events of one file on; return 1 when it was done before, else 0."""
    skipped = 0
    with closing(events):  # a batch that is stopped must not leave a file half-way
        for event in events:
            skipped += isinstance(event, FileSkipped)
            yield event
    return skipped
