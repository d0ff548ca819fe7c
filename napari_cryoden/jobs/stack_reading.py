"""Reads the planes of stacks as they come into view, behind the interface."""

from __future__ import annotations

import logging
from collections.abc import Generator
from typing import Any

from napari.layers import Layer

from napari_cryoden.layers.file_layer import FileLayer
from napari_cryoden.layers.lazy_stack import LazyStack
from napari_cryoden.layers.plane import full_size
from napari_cryoden.threads.worker import Worker
from napari_cryoden.window import OfWindow, main_window, plain

logger = logging.getLogger(__name__)


class StackReading(OfWindow):
    """Reads planes one at a time, of each stack the one that was asked for last, and has them drawn.

    It follows all layers of its window, also those that are added later, whoever adds them.
    A plane that cannot be read stays empty; whatever wants its pixels says why.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__(main_window(viewer))
        self._viewer = plain(viewer)
        self._wanted: dict[LazyStack, int] = {}
        self._failed: set[tuple[LazyStack, int]] = set()
        self._worker: Worker | None = None
        for layer in self._viewer.layers:
            self.follow(layer)
        self._viewer.layers.events.inserted.connect(self._inserted)

    @property
    def running(self) -> bool:
        """Whether a plane is being read."""
        return self._worker is not None

    def follow(self, layer: Any) -> None:
        """Read the planes of a layer from now on, if it is one of a file with several."""
        stack = full_size(layer) if getattr(layer, "multiscale", False) else None
        if isinstance(stack, LazyStack):
            stack.later = lambda plane: self._want(stack, plane)

    def _inserted(self, event: Any) -> None:
        self.follow(event.value)

    def _want(self, stack: LazyStack, plane: int) -> None:
        if (stack, plane) in self._failed:
            return
        self._wanted[stack] = plane
        if self._worker is None:
            self._start()

    def _start(self) -> None:
        self._worker = Worker(self._read, self, daemon=True)
        self._worker.delivered.connect(self._draw)
        self._worker.finished.connect(self._ended)
        self._worker.start()

    def _read(self) -> Generator[LazyStack, None, None]:
        while self._wanted:
            stack, plane = self._wanted.popitem()
            try:
                stack.pyramid(plane)
            except Exception:
                logger.debug("plane %s of %s cannot be read", plane, stack.path, exc_info=True)
                self._failed.add((stack, plane))
            yield stack

    def _draw(self, stacks: list[LazyStack]) -> None:
        for layer in self._viewer.layers:
            if getattr(layer, "multiscale", False) and any(full_size(layer) is one for one in stacks):
                layer.refresh(extent=False)

    def _ended(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.deleteLater()
        if self._wanted:
            self._start()


def add_file(viewer: Any, data: FileLayer) -> Any:
    """Add the layer of a file, whose planes are read behind the interface, and return it."""
    StackReading.of(viewer)  # which follows it
    return viewer.add_layer(Layer.create(*data))
