"""A pipe that keeps what a run is resumed from while its events pass through it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from cryoden.checkpoints.kept_checkpoints import Checkpoints
from cryoden.checkpoints.random_state import random_state, restore_random_state
from cryoden.checkpoints.run_data import RunData, write_data
from cryoden.errors import CryodenError, in_words
from cryoden.events.closing import closed
from cryoden.events.training import (
    CheckpointSaved,
    Resumed,
    TrainingEvent,
    TrainingFinished,
    TrainingState,
)
from cryoden.runs.folder import RunFolder
from cryoden.training.engines import named, part

RANDOM = "random"


def with_checkpoints(
    events: Iterable[TrainingEvent],
    folder: RunFolder,
    data: Callable[[], RunData],
    state: TrainingState | None = None,
) -> Iterator[TrainingEvent]:
    """Pass a run on that `cryoden.runs.keeper.kept_in` keeps; its states become checkpoints.

    A state that cannot be written is a warning, and the run continues. Of a run that came to its end the
    last one stays, from which it can be continued with more epochs.

    Parameters
    ----------
    events : iterable of TrainingEvent
        The run.
    folder : RunFolder
        Where it is kept.
    data : callable
        Says which files it learns from; asked once, before the first state is written.
    state : TrainingState, optional
        Where it continues.

    Yields
    ------
    TrainingEvent
        The same events, with a ``CheckpointSaved`` in place of each ``TrainingState``.
    """
    keeper = _Keeper(folder, data, state)
    with closed(events):
        for event in events:
            yield keeper.add(event)


class _Keeper:
    def __init__(self, folder: RunFolder, data: Callable[[], RunData], state: TrainingState | None) -> None:
        self.checkpoints, self._data, self._state = Checkpoints(folder.checkpoints), data, state
        self._is_described = False

    def add(self, event: TrainingEvent) -> TrainingEvent:
        if isinstance(event, TrainingState):
            return self.save(event)
        if isinstance(event, Resumed) and self._state is not None:
            self.checkpoints.known(self._state.step)
            restore_random_state(part(RANDOM, self._state.arrays))
        if isinstance(event, TrainingFinished) and event.reason != "stopped":
            self.checkpoints.keep(1)
        return event

    def save(self, state: TrainingState) -> CheckpointSaved:
        """Keep a state, or say in words why it could not be kept."""
        whole = replace(state, arrays={**state.arrays, **named(RANDOM, random_state())})
        try:
            if not self._is_described:
                write_data(self._data(), self.checkpoints.made())
                self._is_described = True
            return CheckpointSaved(state.step, self.checkpoints.save(whole))
        except (CryodenError, OSError) as error:
            before = next((path.name for path in self.checkpoints.paths()), "")
            kept = f"{before} is kept" if before else "there is none yet"
            words = f"T20: no checkpoint of step {state.step:,}; the run continues, {kept}: {in_words(error)}"
            return CheckpointSaved(state.step, self.checkpoints.folder, words)
