"""What takes the interface long, in steps: between two of them it takes clicks, and draws once at the end."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from qtpy.QtCore import QEvent, QTimer

from napari_cryoden.window import OfWindow, main_window, plain


class Turns(OfWindow):
    """Takes one step in each turn of the event loop, one piece of work after another.

    What is begun is ended, unless the window is closed: a piece asks for itself, at each step, whether
    its layers are still there.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__(main_window(viewer))
        self._viewer = plain(viewer)
        self._pieces: deque[tuple[Iterator[Any], Callable[[], None]]] = deque()
        self._canvas: Any = None  # while it is held
        self._within = self._collects = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)  # and begun after each step, so that what waits comes first
        self._timer.timeout.connect(self._turn)

    def take(self, steps: Iterable[Any], done: Callable[[], None] = lambda: None) -> None:
        """Take these steps, each in a turn of its own, after all that was given before; ``done`` then."""
        self._pieces.append((iter(steps), done))
        self._again()

    def draw_later(self) -> None:
        """Draw what is changed from now on when all steps are over, in a turn of its own.

        Until then the canvas shows what it showed, unless it is resized, which empties it. Nor does Python
        search all objects for garbage meanwhile, which takes longer than any of the steps.
        """
        if self._canvas is None:
            self._canvas = self._viewer.window._qt_viewer.canvas.native  # napari has no public name for it
            self._canvas.setUpdatesEnabled(False)
            self._canvas.installEventFilter(self)
            if gc.isenabled():
                self._collects = True
                gc.disable()
                self.destroyed.connect(gc.enable)
            self._again()

    def draw(self) -> None:
        """Draw what is changed so far in the next turn, and not only when all steps are over."""
        canvas, self._canvas = self._canvas, None
        if canvas is not None:
            with suppress(RuntimeError):  # it is gone with its window
                canvas.removeEventFilter(self)
                canvas.setUpdatesEnabled(True)

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802  the name is Qt's
        """Draw a canvas that is resized at once."""
        if event.type() == QEvent.Type.Resize:
            self.draw()
        return bool(super().eventFilter(watched, event))

    def _again(self) -> None:
        if not self._within:  # a step may handle events, or give more of them
            self._timer.start(0)

    def _turn(self) -> None:
        if not self._pieces:
            self._end()
            return
        self._within = True
        try:
            self._step()
        finally:
            self._within = False
            self._again()

    def _step(self) -> None:
        steps, done = self._pieces[0]
        is_over = True  # also where it fails
        try:
            next(steps)
            is_over = False
        except StopIteration:
            pass
        finally:
            if is_over:
                self._pieces.popleft()
                done()

    def _end(self) -> None:
        """Draw; and let garbage be searched for again in the turn after that."""
        if self._canvas is not None:
            self.draw()
            self._again()
        elif self._collects:
            self._collects = False
            self.destroyed.disconnect(gc.enable)
            gc.enable()
