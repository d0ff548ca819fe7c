"""Opening micrographs in a viewer window without stopping it."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from cryoden.dataset.opening import read_micrograph
from cryoden.errors import CryodenError, Remark
from cryoden.settings.reading import ReadingSettings
from napari_cryoden.jobs.first_time import load_for_layers, ready_for_scale_bar
from napari_cryoden.jobs.stack_reading import add_file
from napari_cryoden.layers.canvas import HIDDEN, show_scale_bar
from napari_cryoden.layers.file_layer import FileLayer, of_file, sample_pairs
from napari_cryoden.layers.layer_data import facts_of, raw_layer
from napari_cryoden.notify import show_problem, show_remarks
from napari_cryoden.threads.job import Job
from napari_cryoden.threads.turns import Turns


@dataclass(frozen=True)
class _Opened:
    """One layer to add, or one line about a file that cannot be opened."""

    done: int
    total: int
    layer: FileLayer | None
    problem: str = ""
    warnings: tuple[Remark, ...] = ()


class OpeningJob(Job):
    """Reads files one after another in a thread; each becomes a layer as soon as it is read."""

    title = "Opening"
    ahead = 1  # a layer takes long to show, and memory

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self._added = self._refused = self._hidden = 0

    def open(
        self,
        files: Sequence[Path],
        listed: Mapping[Path, float] | None = None,
        reading: ReadingSettings | None = None,
        sections: Sequence[int | None] = (),
    ) -> None:
        """Begin to add a layer for each file, in this order; ``listed`` are the Å/px of lists.

        ``sections`` says for each file which image of it is meant: halves in one file are 0 and 1.

        Raises
        ------
        TrainingError
            G05 while others are being opened.
        """
        self.begin(lambda: _read(files, listed or {}, reading, sections), "opening")
        Turns.of(self.viewer).take(ready_for_scale_bar(self.viewer))
        self._added = self._refused = self._hidden = 0
        self.progress = None

    def open_sample(self) -> None:
        """Begin to add the halves of the sample data, those that are not open; see `open`."""
        names = {layer.name for layer in self.viewer.layers}
        self.begin(lambda: _sample(names), "opening the sample")
        Turns.of(self.viewer).take(ready_for_scale_bar(self.viewer))
        self._added = self._refused = self._hidden = 0
        self.progress = None

    def fold(self, event: _Opened) -> None:
        """Add the layer, or report why there is none."""
        self.progress = event.done / event.total
        self.status = f"opened {event.done:,} of {event.total:,}"
        if event.layer is None:
            self._refused += 1
            show_problem(event.problem)
        elif not self.closing:
            self._add(event.layer, event.warnings)

    def conclusion(self, stopped: bool) -> str:
        """Return how many were opened."""
        if not (stopped or self._added or self._refused):
            return "Open already"
        refused = f", {self._refused:,} failed" if self._refused else ""
        hidden = f"; {self._hidden:,} {HIDDEN}" if self._hidden else ""
        return f"{'Canceled. ' if stopped else ''}{self._added:,} opened{refused}{hidden}"

    def _add(self, data: FileLayer, warnings: tuple[Remark, ...]) -> None:
        turns = Turns.of(self.viewer)
        turns.draw_later()
        layer = add_file(self.viewer, data)
        self._added += 1
        self._hidden += not layer.visible  # by a comparison
        facts = facts_of(layer)
        show_remarks(facts.get("source") or layer.name, warnings)
        if facts.get("pixel_size"):
            turns.take(self._scale_bar())

    def _scale_bar(self) -> Iterator[None]:
        """Show the scale bar once the layer is drawn: the first of either takes long."""
        Turns.of(self.viewer).draw()
        yield
        if not self.closing:
            show_scale_bar(self.viewer)

    def _finish(self) -> None:
        Turns.of(self.viewer).take((), super()._finish)  # after the scale bar


def _read(
    files: Sequence[Path],
    listed: Mapping[Path, float],
    reading: ReadingSettings | None,
    sections: Sequence[int | None],
) -> Generator[_Opened, None, None]:
    load_for_layers()
    for done, (file, section) in enumerate(zip_longest(files, sections), 1):
        try:
            layer, warnings = _layer(file, section, reading, listed.get(file))
        except CryodenError as error:
            yield _Opened(done, len(files), None, str(error))
            continue
        if reading not in {None, ReadingSettings()}:
            layer[1]["metadata"]["cryoden"]["reading"] = reading
        yield _Opened(done, len(files), layer, "", warnings)


def _layer(
    file: Path, section: int | None, reading: ReadingSettings | None, listed: float | None
) -> tuple[FileLayer, tuple[Remark, ...]]:
    """Return the layer of a file, or of one of two halves in it, under a name that says which."""
    if section is None:
        return of_file(file, reading, listed)
    found = read_micrograph(file, reading, listed, section)
    half = replace(
        found, name=f"{found.name}_{('EVN', 'ODD')[section]}", path=None
    )  # the file is that of both
    return raw_layer(half), found.warnings


def _sample(names: Collection[str]) -> Generator[_Opened, None, None]:
    load_for_layers()
    layers = [layer for layer in sample_pairs() if layer[1]["name"] not in names]
    for done, layer in enumerate(layers, 1):
        yield _Opened(done, len(layers), layer)
