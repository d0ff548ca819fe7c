"""The training loop, as a plain generator of events.

Command line, viewer and tests iterate the same generator. To pause is to ask later and to stop
is to stop asking; every event that improves on the best so far carries the weights, so no more is lost
by it than the epoch under way. A run whose plan is told to stop, or that is interrupted, validates that, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing

from cryoden.events.training import BatchHalved, PreviewMade, TrainingEvent, TrainingState
from cryoden.sampling.source import Batch, Batches, BatchOnGpu
from cryoden.training.engines import Engine
from cryoden.training.plan import Plan
from cryoden.training.run_state import RunState
from cryoden.training.validation import HeldOutSet

Previews = Callable[[int], Iterator[PreviewMade]]  # those that are due after a step


def train(
    source: Batches,
    engine: Engine,
    holdout: HeldOutSet,
    plan: Plan,
    *,
    previews: Previews = lambda _: iter(()),
    state: TrainingState | None = None,
) -> Iterator[TrainingEvent]:
    """Train a network, one event at a time, on whatever source and by whatever engine.

    Parameters
    ----------
    source : Batches
        What it learns from.
    engine : Engine
        The network and what moves its weights.
    holdout : HeldOutSet
        What it is judged by.
    plan : Plan
        How long, and what to do when it goes wrong.
    previews : callable
        Yields previews that are due after a step.
    state : TrainingState, optional
        Where the run continues; from its start without one.

    Yields
    ------
    TrainingEvent
        ``EpochFinished`` of the start, or ``Resumed``, then ``StepFinished``, in groups where fetching a
        loss waits for the device, ``BatchHalved``, ``EpochFinished``, ``Restarted``, ``PreviewMade`` and
        ``TrainingState``, and ``TrainingFinished`` unless the caller stops asking.

    Raises
    ------
    CryodenError
        For pairs that cannot be read; T06 when memory is too small for a single patch.
    """
    run = RunState(plan, engine, holdout)
    if state is not None:
        run.restore(state)
    with closing(source.batches(plan.steps(run.step))) as batches:
        yield from _own_time(run, _epochs(run, batches, previews))


def _own_time(run: RunState, events: Generator[TrainingEvent, None, None]) -> Iterator[TrainingEvent]:
    """Pass events on; the time until the next is asked for is a pause, and not the run's."""
    with closing(events):
        for event in events:
            given = time.monotonic()
            yield event
            run.began += time.monotonic() - given


def _epochs(
    run: RunState, batches: Iterator[Batch | BatchOnGpu], previews: Previews
) -> Generator[TrainingEvent, None, None]:
    yield from _begun(run, previews)
    try:
        yield from _judged(run)  # what the state of a resumed run was taken before
        yield from _steps(run, batches, previews)
    except KeyboardInterrupt:  # in a script or a notebook; what was learned is kept before it goes on
        if run.step == run.epochs[-1].step or run.plan.stop.is_set():
            raise
        run.plan.stop.set()
        yield run.validate()
        yield run.finish()
        raise
    yield run.finish()


def _begun(run: RunState, previews: Previews) -> Iterator[TrainingEvent]:
    if run.epochs:
        yield run.resumed()
        run.begin()
        return
    yield run.validate()
    yield from previews(0)
    run.begin()
    yield from run.states()


def _steps(
    run: RunState, batches: Iterator[Batch | BatchOnGpu], previews: Previews
) -> Iterator[TrainingEvent]:
    for batch in () if run.reason not in {None, "stopped"} else batches:  # a stop comes after a step
        yield from _learned(run, batch)
        yield from run.states()
        yield from previews(run.step)
        yield from _judged(run)
        if run.reason:
            break


def _learned(run: RunState, batch: Batch | BatchOnGpu) -> Iterator[TrainingEvent]:
    """Learn from a batch; say so where fewer of its patches than before fit into memory at once."""
    before = run.engine.parts.number
    yield from run.learn(batch)
    if run.engine.parts.number > before:
        yield BatchHalved(run.step, len(batch.noisy), before, run.engine.parts.number)


def _judged(run: RunState) -> Iterator[TrainingEvent]:
    """Validate where it is due after the last step, and answer what has gone wrong."""
    yield from _restarted(run)
    if run.trouble is None and run.is_unjudged and (run.reason or run.epoch_is_over):
        yield run.validate()
        yield from _restarted(run)


def _restarted(run: RunState) -> Iterator[TrainingEvent]:
    """Restart a run that has gone wrong and is not over."""
    if run.trouble and not run.reason:
        yield run.restart(run.trouble)
