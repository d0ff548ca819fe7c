"""The user stories of the experiment: all that the command line calls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

from cryoden.events import TrainingEvent
from cryoden.experiment.recipe import PatchPairs
from cryoden.experiment.store import PatchStore
from cryoden.experiment.training import train
from cryoden.experiment_settings import BaselineSettings
from cryoden.run_folder import RunFolder, kept_in
from cryoden.run_report import finished


def baseline(
    pairs: PatchStore | PatchPairs, folder: RunFolder | None, settings: BaselineSettings
) -> Iterator[TrainingEvent]:
    """Run the experiment and keep it in a run folder, which must not exist.

    Raises
    ------
    CryodenError
        For pairs that cannot be read, settings that do not fit, or a folder that cannot be had.
    """
    events: Any = train(pairs, settings)
    if folder is None:
        yield from events
        return
    with closing(events):
        yield from finished(folder, kept_in(folder, events))
