"""Work behind the browser: headers are read, pictures made, and neither holds the interface up."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QObject, Signal

from cryoden.browsing.exposure_list import Exposure
from cryoden.browsing.file_facts import FileFacts, file_facts, half_check
from cryoden.browsing.kept_pictures import Kept
from cryoden.browsing.pictures import PictureEvent, pictures
from cryoden.browsing.requests import Requests
from cryoden.browsing.thumbnail_store import ThumbnailStore
from cryoden.dataset.half_checks import HalfCheck
from cryoden.settings.reading import ReadingSettings
from napari_cryoden.jobs.first_time import load_for_layers
from napari_cryoden.notify import show_problem
from napari_cryoden.paths import cached
from napari_cryoden.preferences import preferences
from napari_cryoden.threads.worker import Work, Worker, leave_a_core

PATIENCE = 0.1  # s


@dataclass(frozen=True)
class Known:
    """What the files of one exposure say, by its place in the list."""

    place: int
    facts: FileFacts | None = None
    halves: HalfCheck | None = None


class InView:
    """Which exposures are in view, for the thread that reads headers."""

    def __init__(self) -> None:
        self._places: deque[int] = deque()
        self._lock = threading.Lock()

    def set(self, places: Sequence[int]) -> None:
        """Take the places that are in view now."""
        with self._lock:
            self._places = deque(places)

    def next(self) -> int | None:
        """Return one that is in view and was not returned since it came into view."""
        with self._lock:
            return self._places.popleft() if self._places else None


class Background(QObject):
    """Runs generators in threads for as long as its parent lives.

    Signals
    -------
    found : object
        One event of a generator, in the interface's thread.
    failed : str
        Why a generator ended early, which has been shown.
    """

    found = Signal(object)
    failed = Signal(str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._worker: Worker | None = None

    @property
    def running(self) -> bool:
        """Whether something is running."""
        return self._worker is not None

    def run(self, work: Work, *, computes: bool = False, ahead: int = 1000) -> None:
        """Start this in place of what is running."""
        self.stop()
        self._worker = Worker(work, self, ahead=ahead, computes=computes)
        self._worker.delivered.connect(self._deliver)
        self._worker.failed.connect(show_problem)
        self._worker.failed.connect(self.failed)
        self._worker.finished.connect(self.stop)
        self._worker.start()

    def stop(self) -> None:
        """Drop what is running, and what it still has to say."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.blockSignals(True)
            worker.stop()
            worker.deleteLater()

    def _deliver(self, events: list[Any]) -> None:
        for event in events:
            if event is not None:
                self.found.emit(event)


def knowledge(
    exposures: Sequence[Exposure], in_view: InView, reading: ReadingSettings | None
) -> Generator[Known | None, None, None]:
    """Yield what headers say, of exposures in view first, then of all; halves are checked in view only."""
    rest, known = iter(range(len(exposures))), set[int]()
    pause = threading.Event()
    while True:
        place = in_view.next()
        if place is not None:
            yield from _in_view(place, exposures[place], known, reading)
            continue
        place = next((one for one in rest if one not in known), None)
        if place is None:
            pause.wait(PATIENCE)
            yield None
        else:
            known.add(place)
            yield Known(place, file_facts(exposures[place], reading))


def _in_view(
    place: int, exposure: Exposure, known: set[int], reading: ReadingSettings | None
) -> Generator[Known, None, None]:
    if place not in known:
        known.add(place)
        yield Known(place, file_facts(exposure, reading))
    check = half_check(exposure, reading)
    if check is not None:
        yield Known(place, halves=check)


def painting(requests: Requests, kept: Kept) -> Generator[PictureEvent | None, None, None]:
    """Yield pictures as they are made."""
    load_for_layers()
    spare = preferences().spare_cores
    store = ThumbnailStore(cached() / "thumbnails.sqlite")
    yield from pictures(requests, kept, lambda: leave_a_core(spare), store)
