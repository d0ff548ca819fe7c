"""Many files one after the other: one that fails never costs the rest, many that fail end it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from cryoden.errors import CryodenError, in_words
from cryoden.events import BatchEvent, BatchFinished, FileFailed, FileStarted

Target = TypeVar("Target")

ENOUGH_FILES, TOO_MANY_FAILURES = 20, 0.1


def in_turn(
    targets: Mapping[Path, Target], work: Callable[[Path, Target], Iterator[BatchEvent]]
) -> Iterator[BatchEvent]:
    """Do the work for each file and tell its events.

    A file that fails is named and skipped. When more than a tenth of at least twenty files
    has failed, the batch ends early.

    Parameters
    ----------
    targets : mapping of Path
        For each file, at least one, where its result goes.
    work : callable
        Makes the result of one file.
    """
    began = time.monotonic()
    failed: list[Path] = []
    bad = 0
    for index, (path, target) in enumerate(targets.items()):
        yield FileStarted(path, index, len(targets))
        try:
            yield from work(path, target)
        except (CryodenError, OSError, MemoryError, RuntimeError) as error:
            failed.append(path)
            bad += getattr(error, "code", "") != "O05"  # done before: no sign of a bad batch
            yield FileFailed(path, in_words(error, path))
        if index + 1 >= ENOUGH_FILES and bad > TOO_MANY_FAILURES * (index + 1):
            break
    tried = index + 1
    seconds = time.monotonic() - began
    yield BatchFinished(tried - len(failed), tuple(failed), len(targets) - tried, seconds)
