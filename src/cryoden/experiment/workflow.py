"""The user stories of the experiment: all that the command line calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cryoden.events.training import PhaseStarted, TrainingEvent, TrainingFinished
from cryoden.experiment.holdout import held_out
from cryoden.experiment.outcome import keep_outcome
from cryoden.experiment.pairs import PatchPairs
from cryoden.experiment.store import PatchStore
from cryoden.experiment.train import train
from cryoden.runs.folder import RunFolder, kept_in
from cryoden.runs.report import finished
from cryoden.settings.baseline import BaselineSettings


def baseline(
    pairs: PatchStore | PatchPairs,
    folder: RunFolder,
    settings: BaselineSettings,
    data: Mapping[str, Any] | None = None,
) -> Iterator[TrainingEvent]:
    """Run the experiment and keep it in a run folder, which must not exist.

    ``data`` says where the pairs lie; see `cryoden.experiment.data_source.data_source`.

    Raises
    ------
    CryodenError
        For pairs that cannot be read, settings that do not fit, or a folder that cannot be had.
    """
    yield from finished(folder, _judged(pairs, folder, settings, data))


def _judged(
    pairs: Any, folder: RunFolder, settings: BaselineSettings, data: Mapping[str, Any] | None
) -> Iterator[TrainingEvent]:
    """Pass the run on; before its last event, find out how good what it learned is."""
    for event in kept_in(folder, train(pairs, settings), data=data):
        if isinstance(event, TrainingFinished):
            yield PhaseStarted("judging the kept network")
            keep_outcome(pairs, held_out(pairs, settings), folder, settings.device)
        yield event
