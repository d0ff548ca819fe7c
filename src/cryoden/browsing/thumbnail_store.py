"""Thumbnails of earlier looks through the same files: a cache, which may be deleted at any time."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cryoden.browsing.exposure_list import Exposure
from cryoden.browsing.requests import Task
from cryoden.formats.result_stamp import METHOD
from cryoden.io.provenance import RELEASE

T = TypeVar("T")
State = tuple[str, int, int]  # path, bytes, ns
MOST = 30_000  # of 96 px, some 250 MB
EVERY = 500  # new ones, after which it is looked whether there are too many
PATIENCE = 1.0  # s, while another viewer writes
TABLE = """CREATE TABLE IF NOT EXISTS thumbnails
    (key TEXT PRIMARY KEY, height INTEGER, width INTEGER, pixels BLOB, used REAL) WITHOUT ROWID"""
PUT = "INSERT OR REPLACE INTO thumbnails VALUES (?, ?, ?, ?, ?)"
GET = "SELECT height, width, pixels FROM thumbnails WHERE key = ?"
USED = "UPDATE thumbnails SET used = ? WHERE key = ?"
OLDEST = "DELETE FROM thumbnails WHERE key NOT IN (SELECT key FROM thumbnails ORDER BY used DESC LIMIT ?)"


class ThumbnailStore:
    """Thumbnails in one SQLite file, found again as long as files, model and settings are the same.

    What cannot be read or written is as if it were not there: all of it can be made again. For one thread.

    Parameters
    ----------
    path : Path
        The file; it and its folder are made when the first thumbnail is put in.
    most : int
        Thumbnails; those go first that were asked for longest ago.
    """

    def __init__(self, path: Path, most: int = MOST) -> None:
        self._path, self._most, self._new = path, most, 0
        self._opened: sqlite3.Connection | None = None

    def get(self, task: Task) -> NDArray[np.uint8] | None:
        """Return the ``(h, w)`` thumbnail of a task, ``None`` where there is none."""
        key = _key(task)
        row = self._try(lambda database: database.execute(GET, (key,)).fetchone()) if key else None
        if row is None or len(row[2]) != row[0] * row[1]:
            return None
        self._try(lambda database: database.execute(USED, (time.time(), key)))
        return np.frombuffer(row[2], np.uint8).reshape(row[:2])

    def put(self, task: Task, pixels: NDArray[np.uint8]) -> None:
        """Keep a ``(h, w)`` thumbnail."""
        key = _key(task)
        if key is None:
            return
        row = (key, *pixels.shape, pixels.tobytes(), time.time())
        self._try(lambda database: database.execute(PUT, row))
        self._new += 1
        if self._new % EVERY == 0:
            self._try(lambda database: database.execute(OLDEST, (self._most,)))

    def _try(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        try:
            database = self._open()
            with database:
                return work(database)
        except (sqlite3.OperationalError, OSError):  # such as a lock that others hold
            return None
        except sqlite3.DatabaseError:  # damaged: no file of ours any more
            self._begin_anew()
            return None

    def _open(self) -> sqlite3.Connection:
        if self._opened is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(self._path, timeout=PATIENCE)
            database.execute("PRAGMA synchronous = OFF")  # losing it in a power failure costs time only
            database.execute(TABLE)
            database.execute(OLDEST, (self._most,))
            database.commit()
            self._opened = database
        return self._opened

    def _begin_anew(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


def _key(task: Task) -> str | None:
    """Return what changes with all that a thumbnail depends on; ``None`` where a file is not there."""
    exposure, model = task.exposure, task.choices.model
    seen = states_of(exposure)
    if model is not None and exposure.denoised is None:
        seen.append(_state(model))
    if None in seen:
        return None
    sections = exposure.halves and exposure.halves.sections
    words = repr((RELEASE, METHOD, seen, sections, exposure.facts.pixel_size, task.choices))
    return hashlib.sha256(words.encode()).hexdigest()


def states_of(exposure: Exposure) -> list[State | None]:
    """Return the state of each file that its pictures are made of; ``None`` for one that is gone."""
    halves = exposure.halves
    raw = (exposure.micrograph, *((halves.even, halves.odd) if halves else ()))
    files = raw if exposure.denoised is None else (exposure.denoised,)
    return [_state(file) for file in files if file is not None]


def _state(file: Path) -> State | None:
    with suppress(OSError):
        found = file.stat()
        return str(file.resolve()), found.st_size, found.st_mtime_ns
    return None
