"""The evaluation of a viewer window: raw and denoised layers in, one table out."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from cryoden.events.batch import TileFinished
from cryoden.events.training import PhaseStarted
from cryoden.micrograph import HalfPair
from cryoden.settings.tools import EvaluationSettings
from napari_cryoden.layers import layer_data
from napari_cryoden.preferences import preferences
from napari_cryoden.threads.job import Job
from napari_cryoden.threads.worker import leave_a_core

if TYPE_CHECKING:
    from cryoden.evaluation.evaluate import EvaluationEvent, EvaluationFinished

LayerPair = tuple[Any, Any]


@dataclass(frozen=True)
class Asked:
    """What shall be evaluated: pixels of layers, taken when the button was pressed."""

    name: str
    raw: HalfPair
    denoised: dict[str, HalfPair]
    models: Sequence[Path]
    settings: EvaluationSettings


class EvaluationJob(Job):
    """Evaluates the layers of one pair at a time.

    Attributes
    ----------
    result : EvaluationFinished or None
        Of the last evaluation that came to its end.
    progress : float or None
        0 to 1, ``None`` before the first method.
    """

    title = "Evaluating"
    computes = True

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self.result: EvaluationFinished | None = None
        self._at, self._total = 0, 1
        self._begun: EvaluationFinished | None = None

    def evaluate(
        self, raw: LayerPair, denoised: LayerPair | None, models: Sequence[Path], settings: EvaluationSettings
    ) -> None:
        """Begin on copies of the layers.

        Raises
        ------
        CryodenError
            G05 while another is running, F32 for a layer that is no micrograph.
        """
        done = {} if denoised is None else {denoised[0].name: _halves(denoised)}
        asked, spare = Asked(raw[0].name, _halves(raw), done, models, settings), preferences().spare_cores
        self.begin(lambda: _evaluating(asked, spare), "evaluating", [*raw, *(denoised or ())])
        self.progress, self._begun = None, self.result

    def fold(self, event: EvaluationEvent | PhaseStarted) -> None:
        """Keep progress and result."""
        from cryoden.evaluation.evaluate import EvaluationFinished, MethodStarted  # noqa: PLC0415  torch is there by now

        if isinstance(event, MethodStarted):
            self._at, self._total = event.index, event.total
            self.status = f"{event.method} ({event.index + 1} of {event.total})"
            self.progress = event.index / event.total
        elif isinstance(event, TileFinished):
            self.progress = (self._at + event.done / event.total) / self._total
        elif isinstance(event, PhaseStarted):
            self.status = event.phase
        elif isinstance(event, EvaluationFinished):
            self.result, self.progress = event, 1.0

    def conclusion(self, stopped: bool) -> str:
        """Return how it ended."""
        if self.result is self._begun:
            return "Canceled. Nothing was changed." if stopped else "No result."
        return "Done. The table is below the canvas."


def _halves(pair: LayerPair) -> HalfPair:
    return HalfPair(*(layer_data.to_micrograph(layer) for layer in pair))


def _evaluating(asked: Asked, spare_cores: int) -> Generator[EvaluationEvent | PhaseStarted, None, None]:
    yield PhaseStarted("loading PyTorch")
    leave_a_core(spare_cores)
    from cryoden.evaluation.evaluate import evaluate_with  # noqa: PLC0415  it loads torch, which docking must not
    from cryoden.evaluation.exposures import together  # noqa: PLC0415  the same

    subject = together(asked.name, asked.raw, asked.denoised)
    events = evaluate_with([subject], asked.models, asked.settings)
    with closing(cast("Generator[EvaluationEvent, None, None]", events)):
        yield from events
