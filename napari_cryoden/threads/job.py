"""Background work that belongs to a viewer window, not to the dock that started it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from napari.utils.task_status import Status
from qtpy.QtCore import Signal

from cryoden.errors import CryodenError, TrainingError
from napari_cryoden.notify import show_problem, viewer_words
from napari_cryoden.threads.layers_in_use import LayersInUse
from napari_cryoden.threads.worker import MAILBOX, Work, Worker
from napari_cryoden.window import OfWindow, main_window, plain

STOP_SECONDS = 2.0
OUTDATED = "The layer shows another micrograph by now: nothing was added."
State = Literal["idle", "preparing", "working", "paused", "stopping", "finished", "stopped", "failed"]


class Job(OfWindow):
    """At most one worker at a time; lives as a child of the main window.

    Qt never calls ``closeEvent`` of a widget whose dock or window is closed. So widgets hold
    no run: they look the window's job up, attach to its signals, and may go and come back.
    The window's own end reaches `end` through napari's list of running tasks, after napari
    has asked the user once.

    Attributes
    ----------
    status : str
        One line about how the work stands.
    progress : float or None
        0 to 1, or ``None`` before the first step.

    Signals
    -------
    changed
        State or progress is new; read it from the attributes.
    failed : str
        One line about what went wrong.
    ended : str
        One line about how the work ended, failed or not; always the last signal.
    """

    changed = Signal()
    failed = Signal(str)
    ended = Signal(str)
    title = "Working"
    ahead = MAILBOX
    computes = False  # with torch

    def __init__(self, viewer: Any) -> None:
        super().__init__(main_window(viewer))
        self.viewer = plain(viewer)
        self.status = ""
        self.closing = False
        self._worker: Worker | None = None
        self._task: Any = None
        self._failure: str | None = None
        self._in_use: LayersInUse | None = None
        self._last: State = "idle"
        self._stopping = False
        self.progress: float | None = None

    @property
    def running(self) -> bool:
        """Whether a worker is running, including while it is stopping."""
        return self._worker is not None

    @property
    def stopping(self) -> bool:
        """Whether the end was asked for and has not come yet."""
        return self._worker is not None and self._stopping

    @property
    def paused(self) -> bool:
        """Whether the work is paused."""
        return self._worker is not None and self._worker.paused and not self._stopping

    @property
    def outdated(self) -> bool:
        """Whether a layer that is worked on has other pixels by now: what was made is not of these."""
        return self._in_use is not None and self._in_use.changed

    @property
    def state(self) -> State:
        """The one word that buttons and labels follow."""
        if not self.running:
            return self._last
        if self.stopping:
            return "stopping"
        if self.paused:
            return "paused"
        return "preparing" if self.progress is None else "working"

    def pause(self, on: bool) -> None:
        """Pause after the current step, or resume."""
        if self._worker is not None:
            self._worker.pause(on)
            self.changed.emit()

    def begin(self, work: Work, status: str, layers: Sequence[Any] = ()) -> None:
        """Start the work on these layers, or refuse it in words while another is running.

        Raises
        ------
        TrainingError
            G05 while this job is running.
        """
        if self._worker is not None:
            problem = f"{self.title.lower()} is already running in this window: {self.status}"
            raise TrainingError(
                "G05", None, problem, kept="It continues", fix="Stop it or wait until it ends"
            )
        self._failure, self.status, self._stopping = None, status, False
        self._worker = Worker(work, self, ahead=self.ahead, computes=self.computes)
        self._worker.delivered.connect(self._receive)
        self._worker.failed.connect(self._fail)
        self._worker.finished.connect(self._finish)
        self._task = self._register()
        self._in_use = LayersInUse(self.viewer, layers, self.title)
        self._worker.start()
        self.changed.emit()

    def refuse(self, error: CryodenError) -> None:
        """Say why nothing was begun, where the user looks for how the last work ended, too."""
        if self._worker is None:
            self.status = viewer_words(str(error))
            self.changed.emit()
        show_problem(error)

    def stop(self) -> None:
        """Ask for the end; asking twice is the same as once."""
        if self._worker is not None and not self._stopping:
            self._stopping = True
            self._ask_for_the_end(self._worker)
            self.changed.emit()

    def _ask_for_the_end(self, worker: Worker) -> None:
        """Stop asking for events; a job that has something left to keep does otherwise."""
        worker.stop()

    def end(self) -> bool:
        """Stop and wait at most two seconds; for the end of the window, silent toward widgets."""
        self.closing, worker = True, self._worker
        self.blockSignals(True)
        if worker is None:
            return True
        self._stopping = True
        self._ask_for_the_end(worker)
        ended = worker.wait(STOP_SECONDS)
        self.say_how_it_ended(ended)
        return ended

    def say_how_it_ended(self, ended: bool) -> None:
        """Say what the end of the window left, where that is worth a line on the terminal."""

    def fold(self, event: Any) -> None:
        """Take one event into the state; in the interface's thread."""
        raise NotImplementedError

    def conclusion(self, stopped: bool) -> str:
        """Return one line on how the work ended."""
        raise NotImplementedError

    def _receive(self, events: list[Any]) -> None:
        for event in events:
            self.fold(event)
        words = self._in_use.words if self._in_use else ""
        if words and words not in self.status:
            self.status = f"{self.status} · {words}"
        self.changed.emit()

    def _fail(self, message: str) -> None:
        self._failure = viewer_words(message)

    def _finish(self) -> None:
        worker, self._worker = self._worker, None
        stopped = self._stopping
        if self._in_use is not None:
            self._in_use.release()
            self._in_use = None
        if worker is not None:
            worker.deleteLater()
        self.status = self._failure or self.conclusion(stopped)
        self._last = "failed" if self._failure else "stopped" if stopped else "finished"
        self._unregister()
        self.changed.emit()
        if self._failure:
            self.failed.emit(self._failure)
            if not self.closing:  # the dock that began it may be closed, or have begun it for another
                show_problem(self._failure)
        self.ended.emit(self.status)

    def _register(self) -> Any:
        return self.viewer.window._register_task_status("napari-cryoden", Status.BUSY, self.title, self.end)

    def _unregister(self) -> None:
        state = Status.FAILED if self._failure else Status.COMPLETED
        self.viewer.window._update_task_status(self._task, state, self.title)
        self._task = None
