"""How a command ends: its exit status, its last words, and the signals that stop it.

Ctrl-C, and what a system or a queue sends before it kills: each stops a command in the same way.
The first one lets a training run that has begun validate and keep what it has; at any other time, and
the second time, it is a `KeyboardInterrupt` where the command is.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event
from typing import Any

DONE, ERROR, USAGE, FAILURES, BROKEN_PIPE = 0, 1, 2, 3, 141
# Each system has some of them. Queues send SIGUSR1 where they are asked to warn before a time limit.
NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGBREAK")
# Whoever sends more than a Ctrl-C often kills a few seconds later. Seconds until what is left, such as
# the report, is given up, and until a run that is still at its last step is.
GRACE, MORE = 2.0, 3.0
WORDS = "Stopping after the current step; once more stops at once.\n"


def say(sentence: str) -> None:
    """Print how a command ended, apart from its results; nobody may be listening any more."""
    with suppress(OSError):
        print(sentence, file=sys.stderr)  # noqa: T201 - the one place errors are printed


def leave(status: int) -> None:
    """End this process without waiting for threads of libraries; what was printed is kept."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


class StopSignals:
    """The signals of this process that end a command.

    Attributes
    ----------
    received : int
        Number of the first one; 0 while there was none.
    """

    def __init__(self) -> None:
        self.received = 0
        self._gentle: Event | None = None
        self._late = False

    @property
    def exit_status(self) -> int:
        """What a shell gives a command that such a signal has ended."""
        return 128 + (self.received or signal.SIGINT)

    def lets_finish(self, stop: Event | None) -> None:
        """From now on the first signal sets this event; ``None`` to interrupt again."""
        self._gentle = stop

    @staticmethod
    def ignore() -> None:
        """Leave them to the first of several processes, which ends this one once it has stopped."""
        for name in NAMES:
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), signal.SIG_IGN)

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Catch them while a command runs; those that were ignored, as with ``nohup``, stay ignored."""
        self.received, self._gentle, self._late = 0, None, False
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        known = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
        before = {number: signal.getsignal(number) for number in known}
        heard = [number for number, handler in before.items() if handler not in {signal.SIG_IGN, None}]
        try:
            for number in heard:
                signal.signal(number, self._hear)
            yield
        finally:
            self._gentle = None
            _alarm(0, self._hear_the_clock)
            for number in heard:
                signal.signal(number, before[number])

    def _hear(self, number: int, _: Any) -> None:
        self.received = self.received or number
        if self._gentle is None or self._gentle.is_set():
            raise KeyboardInterrupt
        self._gentle.set()
        if number != signal.SIGINT:
            _alarm(GRACE, self._hear_the_clock)
        with suppress(OSError):  # not print: it may be what was interrupted
            os.write(2, WORDS.encode())

    def _hear_the_clock(self, *_: Any) -> None:
        if self._gentle is None or self._late:
            raise KeyboardInterrupt
        self._late = True
        _alarm(MORE, self._hear_the_clock)


def _alarm(seconds: float, heard: Callable[..., None]) -> None:
    """Call back after so many seconds, where the system can; 0 takes it back."""
    if hasattr(signal, "setitimer"):
        if seconds:
            signal.signal(signal.SIGALRM, heard)
        signal.setitimer(signal.ITIMER_REAL, seconds)


SIGNALS = StopSignals()
