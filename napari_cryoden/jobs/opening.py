"""Opening micrographs in a viewer window without stopping it."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari.layers import Layer

from cryoden.errors import CryodenError, Remark
from cryoden.settings.reading import ReadingSettings
from napari_cryoden.jobs.job import Job
from napari_cryoden.jobs.worker import leave_a_core
from napari_cryoden.layers.file_layer import FileLayer, of_file
from napari_cryoden.layers.layer_data import facts_of
from napari_cryoden.layers.scale_bar import show_scale_bar
from napari_cryoden.notify import show_problem, show_remarks
from napari_cryoden.preferences import preferences


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
        self._added = self._refused = 0

    def open(
        self,
        files: Sequence[Path],
        listed: Mapping[Path, float] | None = None,
        reading: ReadingSettings | None = None,
    ) -> None:
        """Begin to add a layer for each file, in this order; ``listed`` are the Å/px of STAR files.

        Raises
        ------
        TrainingError
            G05 while others are being opened.
        """
        self.begin(lambda: _read(files, listed or {}, reading), "opening")
        self._added, self._refused, self.progress = 0, 0, None

    def simulate(self) -> None:
        """Begin to add the halves of the sample data; see `open`."""
        spare = preferences().spare_cores
        self.begin(lambda: _simulated(spare), "simulating two micrographs")
        self._added, self._refused, self.progress = 0, 0, None

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
        refused = f", {self._refused:,} failed" if self._refused else ""
        return f"{'Canceled. ' if stopped else ''}{self._added:,} opened{refused}"

    def _add(self, data: FileLayer, warnings: tuple[Remark, ...]) -> None:
        layer = Layer.create(*data)
        self.viewer.add_layer(layer)
        self._added += 1
        facts = facts_of(layer)
        show_remarks(facts.get("source") or layer.name, warnings)
        if facts.get("pixel_size"):
            show_scale_bar(self.viewer)


def _read(
    files: Sequence[Path], listed: Mapping[Path, float], reading: ReadingSettings | None
) -> Generator[_Opened, None, None]:
    for done, file in enumerate(files, 1):
        try:
            layer, warnings = of_file(file, reading, listed.get(file))
        except CryodenError as error:
            yield _Opened(done, len(files), None, str(error))
            continue
        yield _Opened(done, len(files), layer, "", warnings)


def _simulated(spare_cores: int) -> Generator[_Opened, None, None]:
    leave_a_core(spare_cores)
    from napari_cryoden.contributions.sample_data import sample_pairs  # noqa: PLC0415  it loads torch, which docking must not

    layers = sample_pairs()
    for done, layer in enumerate(layers, 1):
        yield _Opened(done, len(layers), layer)
