"""The denoising of a viewer window: one layer in, one layer out."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from cryoden.denoising.nothing_left import ALMOST
from cryoden.errors import CryodenError
from cryoden.events.batch import DenoisingEvent, MicrographDenoised, TileFinished
from cryoden.events.quality import UNCOVERED
from cryoden.io.atomic import atomic_write
from cryoden.micrograph import Micrograph
from cryoden.settings.denoising import DenoisingSettings
from napari_cryoden.jobs import companions
from napari_cryoden.jobs.derived_layers import DerivedLayersJob
from napari_cryoden.jobs.first_time import ready_for_scale_bar
from napari_cryoden.layers import layer_data
from napari_cryoden.layers.contrast import contrast
from napari_cryoden.layers.half_sum import halves_of
from napari_cryoden.layers.picture import Picture, picture_of
from napari_cryoden.layers.plane import plane_of
from napari_cryoden.layers.side_by_side import SideBySide
from napari_cryoden.notify import show_problem, show_remarks
from napari_cryoden.preferences import preferences
from napari_cryoden.threads.job import OUTDATED, Job
from napari_cryoden.threads.turns import Turns
from napari_cryoden.threads.worker import leave_a_core


@dataclass(frozen=True, eq=False)
class _Ready:
    """A result, with all that the interface would have to wait for."""

    micrograph: Micrograph
    picture: Picture
    is_confidence: bool = False


_Event = TileFinished | _Ready | companions.Companion


class DenoisingJob(Job):
    """Denoises one layer at a time and adds the result beside it.

    Attributes
    ----------
    tiles : tuple of int
        Done and total, (0, 0) before the first tile.
    raw, result : Image or None
        The layers of the last denoising.
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
        self._made: list[_Ready | companions.Companion] = []
        self._with_residual = self._dropped = False
        self._band = companions.Band()
        self._beside: list[Any] = []
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

        def work() -> Generator[_Event, None, None]:
            denoised = yield from _denoising(micrograph, model, settings, output, spare, halves)
            yield from _ready(micrograph, denoised, band)

        self.begin(work, f"denoising {raw.name}", [raw])
        self._turns.take(ready_for_scale_bar(self.viewer))
        self._band, self._beside, self._made = band, [], []
        self.tiles, self.progress, self.result, self.raw = (0, 0), None, None, raw
        self._view = view
        self._made_with = layer_data.made_with(model, settings)
        self._written = f" and in {output}" if output else ""
        self._with_residual, self._dropped = residual, False

    def fold(self, event: _Event) -> None:
        """Count tiles; keep the result and what stands beside it until all are there."""
        if isinstance(event, TileFinished):
            self.tiles = (event.done, event.total)
            self.progress = event.done / event.total
            self.status = f"tile {event.done} of {event.total}"
        else:
            self._made.append(event)

    def conclusion(self, stopped: bool) -> str:
        """Return where the result is, or that there is none."""
        if self.result is None and self._dropped:
            return f"{OUTDATED}{self._written.replace(' and in', ' The result is in')}"
        if self.result is None:
            return "Canceled. Nothing was added or saved." if stopped else "No result."
        section = f" ({self._view.plane.words})" if self._view and self._view.plane.section else ""
        done = f"Done: layer '{self.result.name}'{section}{self._written}"
        return " · ".join([done, *self._doubts()])

    def _doubts(self) -> list[str]:
        """Return what speaks against the result: what validation said of its model, and what is odd."""
        facts = layer_data.facts_of(self.result)
        against = [f"{facts['verdict']} (model)"] if facts.get("level") == "bad" else []
        said = layer_data.warnings_of(self.result)
        return against + [str(one) for one in said if one.code in {ALMOST, UNCOVERED}]

    def _finish(self) -> None:
        """Add what was made and compare, step by step; the work ends with the last one."""
        self._turns.take(self._showing(), super()._finish)

    def _showing(self) -> Iterator[None]:
        """Add each layer hidden; show all of them when they are there."""
        made, self._made = self._made, []
        for one in made:
            self._dropped |= self.outdated
            if self.closing or self.outdated or self.result not in {None, *self.viewer.layers}:
                return
            self._turns.draw_later()
            self._add(one)
            yield
        if not self.closing and self.result in self.viewer.layers:
            yield from self._comparing()

    def _add(self, made: _Ready | companions.Companion) -> None:
        if isinstance(made, companions.Companion):
            self._copies().add(made)
        elif made.is_confidence:
            self._beside = [self._add_confidence(made)]
        else:
            self._add_result(made)

    def _add_result(self, made: _Ready) -> None:
        data, attributes, _ = layer_data.result_layer(
            self.raw, made.micrograph, self._made_with, self._view, made.picture
        )
        self.result = self.viewer.add_image(data, visible=False, **attributes)
        known = layer_data.warnings_of(self.raw)
        show_remarks(self.raw.name, (one for one in layer_data.warnings_of(self.result) if one not in known))

    def _add_confidence(self, made: _Ready) -> Any:
        named = replace(made.micrograph, name="confidence")
        plane = self._view.plane if self._view else None
        data, attributes, _ = layer_data.derived_layer(self.raw, named, "confidence", plane, made.picture)
        return self.viewer.add_image(data, visible=False, **attributes)

    def _comparing(self) -> Iterator[None]:
        """Compare raw and result, and add the residual; either layer may be another one, or gone."""
        self.result.visible = True
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
        return not (self.closing or self.outdated) and self.raw in opened and self.result in opened

    def _copies(self) -> companions.Companions:
        plane = self._view.plane if self._view else plane_of(self.raw)
        return companions.Companions(self.viewer, self.raw, self.result, plane, self._band)

    def _derived(self, message: str) -> None:  # noqa: ARG002  whoever asked for it shows it
        """Give a residual a cell of its own, where its two layers are shown."""
        job, shown = DerivedLayersJob.of(self.viewer), self.comparison.layers
        is_new = job.added in self.viewer.layers and job.added not in shown
        both = [layer_data.facts_of(one).get("filtered", one.unique_id) for one in shown[:2]]
        if is_new and not job.closing and both == job.added_to:
            self.comparison.show(*shown, job.added, mode=self.comparison.mode)


def _denoising(
    micrograph: Micrograph,
    model: Path,
    settings: DenoisingSettings,
    output: Path | None,
    spare_cores: int,
    halves: tuple[Path, ...],
) -> Generator[TileFinished, None, MicrographDenoised]:
    leave_a_core(spare_cores)
    from cryoden.denoising import denoise, nothing_left  # noqa: PLC0415  it loads torch, which docking must not
    from cryoden.workflows import denoise_micrographs, results  # noqa: PLC0415  it loads torch, which docking must not

    with ExitStack() as stack:
        # First of all: an output that cannot be written is reported before any computing.
        like = halves[0] if halves else micrograph.path
        inputs = [model, *halves, *([like] if like else [])]
        temporary = stack.enter_context(atomic_write(output, inputs=inputs)) if output else None
        events = denoise_micrographs.denoise_micrograph(micrograph, model, settings)
        stack.enter_context(closing(cast("Generator[DenoisingEvent, None, None]", events)))
        denoised = yield from denoise.tiles(events)
        if temporary is not None and output is not None:
            nothing_left.refuse_constant(output, denoised.micrograph, micrograph, settings.pixel_format)
            label = results.label_with(model, halves=halves)
            place = results.Output(like, temporary, output, label, settings)
            results.write_confidence(place, denoised.confidence)
            results.write_denoised(place, denoised)
    return denoised


def _ready(
    raw: Micrograph, denoised: MicrographDenoised, band: companions.Band
) -> Generator[_Ready | companions.Companion, None, None]:
    """Yield the result and what stands beside it, one layer after another."""
    # A layer stays for long; from a GPU the pixels come in page-locked memory, of which there is little.
    found = _owned(denoised.micrograph)
    yield _Ready(found, picture_of(found.data))
    yield from companions.made([raw, found], band)
    if denoised.confidence is not None:
        confidence = _owned(denoised.confidence)
        yield _Ready(confidence, picture_of(confidence.data), is_confidence=True)


def _owned(micrograph: Micrograph) -> Micrograph:
    return replace(micrograph, data=micrograph.data.copy())
