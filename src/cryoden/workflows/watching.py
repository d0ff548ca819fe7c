"""Micrographs that arrive while they are denoised: in a folder that a microscope or a program fills.

A file is taken when it is whole, by its size and its header, and has been left alone for some seconds. One
that stays incomplete is taken after a minute, too, so that it is reported.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from cryoden.dataset.output_paths import Targets
from cryoden.errors import CryodenError, MicrographError
from cryoden.events.batch import BatchEvent, BatchFinished, FileStarted, FolderWatched, StageSeconds
from cryoden.formats.micrographs import probe

Run = Callable[[Targets], Generator[BatchEvent, None, None]]
State = tuple[tuple[int, int], ...]  # of each file: size in bytes, time of the last change in ns
STOP = "cryoden-stop"  # a file of this name in the output folder ends a watch
PASSING = {"D01", "D02", "F49", "F50", "F58"}  # nothing is there yet, or a list is being written


@dataclass(frozen=True)
class Patience:
    """Seconds between two looks, until a whole file is taken, and until one that is not whole is."""

    look: float = 2.0
    quiet: float = 4.0
    incomplete: float = 60.0


USUAL = Patience()


class Arrivals:
    """Finds what has arrived since the last look.

    Parameters
    ----------
    find : callable
        Returns all there is, and where its results go.
    patience : Patience
        When a file is taken for whole.
    clock : callable
        Returns seconds.
    """

    def __init__(
        self,
        find: Callable[[], Mapping[Path, Path]],
        patience: Patience = USUAL,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.patience, self._find, self._clock = patience, find, clock
        self._taken: dict[Path, State] = {}
        self._seen: dict[Path, tuple[State, float]] = {}
        self._last: set[Path] | None = None
        self._there = Targets({})
        self._made: dict[Path, Path] = {}  # by its result, what is or was denoised

    def look(self) -> Targets:
        """Return the files that are to be denoised now; one that is replaced later comes again.

        Two halves are ready together. A half without its partner is waited for as what is not whole is, and
        a full sum that comes after its halves were denoised is left alone.

        Raises
        ------
        CryodenError
            What does not pass by itself, such as D07 for two files with the same result.
        """
        try:
            self._there = Targets.of(self._find())
        except CryodenError as error:
            if error.code not in PASSING:
                raise
        self._seen = {path: seen for path, seen in self._seen.items() if path in self._there}
        ready = [
            path
            for path, target in self._there.items()
            if (self._last is None or path in self._last)
            and self._made.get(target, path) == path
            and self._is_ready(path)
        ]
        self._made |= {self._there[path]: path for path in ready}
        return self._there.only(ready)

    def close(self) -> bool:
        """Take no more than what is there; tell whether nothing of it is still to be waited for."""
        if self._last is None:
            self._last = {path for path in self._seen if all(map(_is_whole, self._there.files(path)))}
        return not self._last & set(self._seen)

    def _is_ready(self, path: Path) -> bool:
        try:
            found = [file.stat() for file in self._there.files(path)]
        except OSError:
            self._seen.pop(path, None)  # it was removed or renamed before it was taken
            return False
        state, now = tuple((one.st_size, one.st_mtime_ns) for one in found), self._clock()
        if self._taken.get(path) == state:
            return False
        before, since = self._seen.get(path, (None, now))
        if before != state:
            self._seen[path], since = (state, now), now
        wanted = self.patience.quiet if self._is_whole(path) else self.patience.incomplete
        if now - since < wanted:
            return False
        self._taken[path] = state
        del self._seen[path]
        return True

    def _is_whole(self, path: Path) -> bool:
        return path not in self._there.alone and all(map(_is_whole, self._there.files(path)))


def watched(
    arrivals: Arrivals, run: Run, stop: Path, pause: Callable[[float], None] = time.sleep
) -> Generator[BatchEvent, None, None]:
    """Denoise what is there and what arrives, until a file says that it is enough.

    A batch that ends early, as on a full disk, ends it, too.

    Parameters
    ----------
    arrivals : Arrivals
        What there is.
    run : callable
        Denoises some files; its last event is `BatchFinished`.
    stop : Path
        The file that ends the watch. It is removed then, and where another watch has left it.
    pause : callable
        Waits some seconds.

    Raises
    ------
    CryodenError
        See `Arrivals.look`.
    """
    session, is_over = _Session(), False
    _remove(stop)
    while not is_over and not session.untried:
        was_asked = stop.exists()  # before the look: what is there by now is denoised
        if targets := arrivals.look():
            yield from session.passed(run(targets), len(targets))
        is_over = was_asked and arrivals.close()
        if not is_over and not targets:
            yield FolderWatched(session.tried, stop)
            pause(arrivals.patience.look)
    _remove(stop)
    yield session.finished()


class _Session:
    """What batches come to that follow each other."""

    def __init__(self) -> None:
        self._began, self._last = time.monotonic(), BatchFinished(0, (), 0, 0.0)
        self.tried = 0

    @property
    def untried(self) -> int:
        return self._last.untried

    def passed(self, batch: Generator[BatchEvent, None, None], more: int) -> Iterator[BatchEvent]:
        """Pass the events of the next batch on as those of one."""
        before, total = self.tried, self.tried + more
        with closing(batch) as events:
            for event in events:
                yield from self._as_one(event, before, total)
        self.tried = total

    def _as_one(self, event: BatchEvent, before: int, total: int) -> Iterator[BatchEvent]:
        if isinstance(event, BatchFinished):
            self._add(event)
        elif isinstance(event, FileStarted):
            yield replace(event, index=event.index + before, total=total)
        else:
            yield event

    def _add(self, ended: BatchFinished) -> None:
        last = self._last
        self._last = replace(
            ended,
            finished=last.finished + ended.finished,
            failed=last.failed + ended.failed,
            skipped=last.skipped + ended.skipped,
            stages=(last.stages or StageSeconds()).plus(ended.stages),
        )

    def finished(self) -> BatchFinished:
        return replace(self._last, seconds=time.monotonic() - self._began)


def _is_whole(path: Path) -> bool:
    """Tell whether a file has a header, and as many bytes as that promises."""
    try:
        probe(path)
    except MicrographError:
        return False
    return True


def _remove(stop: Path) -> None:
    with suppress(OSError):
        stop.unlink()
