"""The denoising of a viewer window: one layer in, one layer out."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryoden.denoising.nothing_left import ALMOST
from cryoden.errors import CryodenError
from cryoden.events.batch import TileFinished
from cryoden.events.quality import UNCOVERED
from cryoden.settings.denoising import DenoisingSettings
from napari_cryoden.jobs import companions
from napari_cryoden.jobs.derived_layers import DerivedLayersJob
from napari_cryoden.jobs.first_time import ready_for_scale_bar
from napari_cryoden.jobs.result_making import Made, ReadyResult, denoising, ready
from napari_cryoden.layers import layer_data
from napari_cryoden.layers.canvas import HIDDEN, is_open
from napari_cryoden.layers.contrast import contrast
from napari_cryoden.layers.half_sum import halves_of
from napari_cryoden.layers.plane import plane_of
from napari_cryoden.layers.side_by_side import SideBySide
from napari_cryoden.notify import show_problem, show_remarks
from napari_cryoden.preferences import preferences
from napari_cryoden.threads.job import OUTDATED, Job
from napari_cryoden.threads.turns import Turns

LATER = "the micrograph's layer shows another one by now"


class DenoisingJob(Job):
    """Denoises one layer at a time and adds the result beside it.

    Attributes
    ----------
    tiles : tuple of int
        Done and total, (0, 0) before the first tile.
    raw, result : Image or None
        The layers of the last denoising.
    computed : bool
        Whether all is computed and is being added, so that nothing can be canceled any more.
    comparison : SideBySide
        The side-by-side view of this window.
    """

    title = "Denoising"
    computes = True

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self.comparison = SideBySide(self.viewer)
        self.tiles = (0, 0)
        self.result: Any = None
        self.raw: Any = None
        self._view: layer_data.View | None = None
        self._made_with: dict[str, Any] = {}
        self._turns, self._written = Turns.of(viewer), ""
        self._made: list[Made] = []
        self._with_residual = self._dropped = self.computed = False
        self._band = companions.Band()
        self._beside: list[Any] = []
        self._copied: list[Any] = []
        DerivedLayersJob.of(self.viewer).ended.connect(self._derived)

    def denoise(
        self,
        raw: Any,
        model: Path,
        settings: DenoisingSettings,
        output: Path | None = None,
        residual: bool = False,
    ) -> None:
        """Begin on a copy of the layer; ``output`` is an MRC file to write, too.

        With ``residual`` the residual (raw − denoised) is added as one more layer.

        Raises
        ------
        CryodenError
            G05 while another is running, F32 for a layer that is no micrograph.
        """
        micrograph, spare = layer_data.to_micrograph(raw), preferences().spare_cores
        view = layer_data.View(plane_of(raw), contrast(micrograph.data))
        halves = halves_of(raw)
        band = DerivedLayersJob.of(self.viewer).band.of(micrograph.pixel_size)

        def work() -> Generator[TileFinished | Made, None, None]:
            denoised = yield from denoising(micrograph, model, settings, output, spare, halves)
            yield from ready(micrograph, denoised, band)

        self.begin(work, f"denoising {raw.name}", [raw])
        self._turns.take(ready_for_scale_bar(self.viewer))
        self._band, self._beside, self._copied, self._made = band, [], [], []
        self.tiles, self.progress, self.result, self.raw = (0, 0), None, None, raw
        self._view = view
        self._made_with = layer_data.made_with(model, settings)
        self._written = f" and in {output}" if output else ""
        self._with_residual, self._dropped, self.computed = residual, False, False

    def stop(self) -> None:
        """Ask for the end; what is computed is added, and may be in a file already."""
        if not self.computed:
            super().stop()

    def fold(self, event: TileFinished | Made) -> None:
        """Count tiles; keep the result and what stands beside it until all are there."""
        if isinstance(event, TileFinished):
            self.tiles = (event.done, event.total)
            self.progress = event.done / event.total
            self.status = f"tile {event.done} of {event.total}"
        else:
            self._made.append(event)

    def conclusion(self, stopped: bool) -> str:
        """Return where the result is, or that there is none."""
        in_file = self._written.replace(" and in", " The result is in")
        if self.result is None and self._dropped:
            return f"{OUTDATED}{in_file}"
        if self.result is None:
            return "Canceled. Nothing was added or saved." if stopped else "No result."
        if self.result not in self.viewer.layers:
            return f"Layer '{self.result.name}' was removed.{in_file}"
        section = f" ({self._view.plane.words})" if self._view and self._view.plane.section else ""
        done = f"Done: layer '{self.result.name}'{section}{self._written}"
        return " · ".join([done, *self._place(), *self._doubts()])

    def _place(self) -> list[str]:
        """Return why the result does not stand beside its micrograph, or is not seen."""
        compared = companions.originals(self.comparison.layers)
        hidden = [HIDDEN] if compared and self.result.unique_id not in compared else []
        return [*([LATER] if self._dropped else []), *hidden]

    def _doubts(self) -> list[str]:
        """Return what speaks against the result: what validation said of its model, and what is odd."""
        facts = layer_data.facts_of(self.result)
        against = [f"{facts['verdict']} (model)"] if facts.get("level") == "bad" else []
        said = layer_data.warnings_of(self.result)
        return against + [str(one) for one in said if one.code in {ALMOST, UNCOVERED}]

    def _finish(self) -> None:
        """Add what was made and compare, step by step; the work ends with the last one."""
        self.computed = bool(self._made)
        if self.computed:
            self._stopping = False  # it was asked for too late
        self._turns.take(self._showing(), super()._finish)
        self.changed.emit()

    def _showing(self) -> Iterator[None]:
        """Add each layer hidden; show all of them when they are there, and the result whatever happens."""
        try:
            yield from self._adding()
            yield from self._comparing()
        finally:
            self._settle()

    def _adding(self) -> Iterator[None]:
        made, self._made = self._made, []
        for one in made:
            if not self._may_add():
                return
            self._turns.draw_later()
            self._add(one)
            yield

    def _may_add(self) -> bool:
        self._dropped |= self.outdated
        return not (self.closing or self.outdated) and self.result in {None, *self.viewer.layers}

    def _settle(self) -> None:
        """Show the result where it stands alone; what was to be compared with it goes where it is not."""
        if self.closing or not is_open(self.viewer):
            return
        opened, compared = self.viewer.layers, self.comparison.layers
        is_there = self.result in opened
        if is_there:
            self.comparison.reveal(self.result)
        unused = [one for one in self._copied if one not in compared] + ([] if is_there else self._beside)
        for layer in unused:
            if layer in opened:
                opened.remove(layer)

    def _add(self, made: Made) -> None:
        if isinstance(made, companions.Companion):
            self._copied.append(self._copies().add(made))
        elif made.is_confidence:
            self._beside = [self._add_confidence(made)]
        else:
            self._add_result(made)

    def _add_result(self, made: ReadyResult) -> None:
        data, attributes, _ = layer_data.result_layer(
            self.raw, made.micrograph, self._made_with, self._view, made.picture
        )
        self.result = self.viewer.add_image(data, visible=False, **attributes)
        known = layer_data.warnings_of(self.raw)
        show_remarks(self.raw.name, (one for one in layer_data.warnings_of(self.result) if one not in known))

    def _add_confidence(self, made: ReadyResult) -> Any:
        named = replace(made.micrograph, name="confidence")
        plane = self._view.plane if self._view else None
        data, attributes, _ = layer_data.derived_layer(self.raw, named, "confidence", plane, made.picture)
        return self.viewer.add_image(data, visible=False, **attributes)

    def _comparing(self) -> Iterator[None]:
        """Compare raw and result, and add the residual; either layer may be another one, or gone."""
        try:
            if self._both_are_there():
                yield from self.comparison.showing(*self._copies().shown(), *self._beside)
            if self._with_residual and self._both_are_there():
                DerivedLayersJob.of(self.viewer).residual(self.raw, self.result)
        except CryodenError as error:  # its plane cannot be read, or something else is being computed
            show_problem(error)
        if self.result in self.viewer.layers:
            self.viewer.layers.selection.active = self.result

    def _both_are_there(self) -> bool:
        opened = self.viewer.layers
        return self._may_add() and self.raw in opened and self.result in opened

    def _copies(self) -> companions.Companions:
        plane = self._view.plane if self._view else plane_of(self.raw)
        return companions.Companions(self.viewer, self.raw, self.result, plane, self._band)

    def _derived(self, message: str) -> None:  # noqa: ARG002  whoever asked for it shows it
        """Give a residual a cell of its own, where its two layers are shown."""
        job, shown = DerivedLayersJob.of(self.viewer), self.comparison.layers
        is_new = job.added not in shown and job.has_added_to(companions.originals(shown[:2]))
        if is_new and not job.closing:
            self.comparison.show(*shown, job.added, mode=self.comparison.mode)
