"""The one adapter between a library generator and Qt.

A plain Python thread walks the generator and puts each event into a mailbox; a timer in
the interface's thread empties it twenty times a second. So nothing of Qt or napari is ever
touched from the thread, thousands of steps a second cost the interface twenty calls, and a
generator's own end is always noticed, whatever it raised. napari's generator worker does
none of the three: it swallows every `RuntimeError` and never runs a generator's ``finally``.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Generator
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from cryoden.errors import in_words

Work = Callable[[], Generator[Any, None, None]]
DELIVERY_MS = 50
MAILBOX = 1000
_END = object()
_lock = threading.Lock()
_computing: set[int] = set()  # threads
_loaded = threading.Event()  # torch, of which nothing was looked through for garbage yet

logger = logging.getLogger(__name__)


class _Mailbox(deque[Any]):
    """Events that wait for the interface, and how many of them may."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most


class Worker(QObject):
    """Runs one generator to its end, to its failure or until it is stopped.

    Parameters
    ----------
    work : callable
        Gives the generator; called in the thread.
    parent : QObject, optional
        Who owns the worker.
    daemon : bool
        Whether the end of the process may cut the work short. For work that only reads and
        may not come to its next event for long; else the interpreter waits for the current
        step and tears nothing down under it.
    ahead : int
        How many events the generator may be ahead of the interface. 1 for events that take
        long to show, or are big: then the interface takes one at a time, and lives in between.
    computes : bool
        Whether a GPU may be used; the last such worker that ends hands its memory back.

    Signals
    -------
    delivered : list
        Events since the last delivery, oldest first, at most twenty times a second.
    failed : str
        One line about what went wrong; comes before ``finished``.
    finished
        Always the last signal, exactly once, after the thread has ended.
    """

    delivered = Signal(list)
    failed = Signal(str)
    finished = Signal()

    def __init__(
        self,
        work: Work,
        parent: QObject | None = None,
        *,
        daemon: bool = False,
        ahead: int = MAILBOX,
        computes: bool = False,
    ) -> None:
        super().__init__(parent)
        self._mailbox = _Mailbox(ahead)
        self._stop, self._pause = threading.Event(), threading.Event()
        self._failure: list[str] = []
        self._left = False
        arguments = (work, self._mailbox, self._stop, self._pause, self._failure)
        walk = _compute if computes else _walk
        self._thread = threading.Thread(target=walk, args=arguments, name="cryoden-worker", daemon=daemon)
        self._timer = QTimer(self)
        self._timer.setInterval(DELIVERY_MS)
        self._timer.timeout.connect(self._deliver)
        self.destroyed.connect(self._stop.set)  # nobody is left to hear: no need to continue

    def start(self) -> None:
        """Start the thread; signals follow from the event loop."""
        self._thread.start()
        self._timer.start()

    def stop(self) -> None:
        """Ask for no further event; the generator is closed where it was opened."""
        self._stop.set()

    def pause(self, on: bool) -> None:
        """Ask for no event until resumed; the one being computed still arrives."""
        if on:
            self._pause.set()
        else:
            self._pause.clear()

    @property
    def paused(self) -> bool:
        """Whether a pause was asked for."""
        return self._pause.is_set()

    @property
    def stopped(self) -> bool:
        """Whether the end was asked for."""
        return self._stop.is_set()

    def leave(self) -> None:
        """Let work that was asked to end come to it by itself, even when nobody is left to hear."""
        if not self._left:
            self._left = True
            self.destroyed.disconnect(self._stop.set)
            self._mailbox.most = sys.maxsize
            self._pause.clear()

    def wait(self, seconds: float) -> bool:
        """Wait, deliver what is left, and say whether the thread ended within the time."""
        self._thread.join(seconds)
        if self._timer.isActive():
            self._deliver()
        return not self._thread.is_alive()

    def _deliver(self) -> None:
        ended = not self._thread.is_alive()
        if _loaded.is_set():
            # All that torch has made is looked through once, and not later, when a result is shown; not in
            # the thread that has loaded it, as what is found may be Qt's.
            _loaded.clear()
            gc.collect()
        events = [self._mailbox.popleft() for _ in range(len(self._mailbox))]
        if events:
            self.delivered.emit(events)
        if not ended or not self._timer.isActive():
            return
        self._timer.stop()
        if self._failure:
            self.failed.emit(self._failure[0])
        self.finished.emit()


def leave_a_core(spare: int = 1) -> None:
    """Keep torch off some cores, for the interface; call it in the thread that computes.

    With torch on all cores beside a busy process, both fall to a fraction of their speed.
    """
    is_new = "torch" not in sys.modules
    import torch  # noqa: PLC0415  docking a widget must not load it

    if is_new:
        _loaded.set()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 2
    torch.set_num_threads(max(1, min(torch.get_num_threads(), cores - spare)))


def _walk(
    work: Work, mailbox: _Mailbox, stop: threading.Event, pause: threading.Event, failure: list[str]
) -> None:
    try:
        _fill(mailbox, work, stop, pause)
    except Exception as error:  # noqa: BLE001  whatever it is, the user reads one line about it
        failure.append(in_words(error))
        logger.debug("%s", traceback.format_exc())
        _release(error)


def _compute(*arguments: Any) -> None:
    """Walk, and hand the memory of a GPU back where no other worker computes.

    To empty its cache under a training slows it down, and its peak would be forgotten.
    """
    with _lock:
        _computing.add(threading.get_ident())
    _walk(*arguments)
    with _lock:
        _computing.remove(threading.get_ident())
        if not _computing:
            _give_memory_back()


def _fill(mailbox: _Mailbox, work: Work, stop: threading.Event, pause: threading.Event) -> None:
    with contextlib.closing(work()) as events:
        while not stop.is_set() and (event := next(events, _END)) is not _END:
            mailbox.append(event)
            _wait(mailbox, stop, pause)


def _wait(mailbox: _Mailbox, stop: threading.Event, pause: threading.Event) -> None:
    """Wait while paused, and while the interface is behind: a flood of events must not freeze it."""
    while (pause.is_set() or len(mailbox) >= mailbox.most) and not stop.wait(DELIVERY_MS / 5000):
        pass


def _give_memory_back() -> None:
    """Hand GPU memory back where anything has loaded torch: the next job, or another program, needs it."""
    if "torch" in sys.modules:
        from cryoden.compute import devices  # noqa: PLC0415  it loads torch, which docking must not

        devices.give_back()


def _release(error: BaseException | None) -> None:
    """Empty the frames of an error and its causes: a kept traceback keeps its tensors."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
