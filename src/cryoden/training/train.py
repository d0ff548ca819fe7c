"""Training as a plain generator of events.

Command line, viewer and tests iterate the same generator. To pause is to ask later and to stop
is to stop asking; every event that improves on the best so far carries the weights, so nothing is
lost by it.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing

from cryoden.compute import devices
from cryoden.compute.place import Place
from cryoden.events.training import Mode, PhaseStarted, TrainingEvent, TrainingStarted
from cryoden.model.checkpoint import Model
from cryoden.model.networks import LinearFilter, Network, UNet, build, loaded
from cryoden.settings.training import TrainingSettings
from cryoden.training.holdout import Region, TrainingPair, fitting_edge, split
from cryoden.training.learner import Learner, fitted_filter
from cryoden.training.patches import PatchSource
from cryoden.training.preview_request import PreviewRequest
from cryoden.training.previews import Previewer
from cryoden.training.run_state import RunState
from cryoden.training.validation import HeldOutSet
from cryoden.training.working_micrograph import WorkingPairs, at_working_pixel

CPU_BATCH, GPU_BATCH = 2, 16
STEPS_PER_EPOCH = (20, 200)
FIT_PIXELS = 1 << 20  # a linear filter has few numbers to find


def train(
    pairs: Sequence[TrainingPair],
    mode: Mode,
    settings: TrainingSettings,
    *,
    start: Model | None = None,
    previews: PreviewRequest | None = None,
) -> Iterator[TrainingEvent]:
    """Train a network, one event at a time.

    Parameters
    ----------
    pairs : sequence of TrainingPair
        Noisy and target micrographs of the same scenes.
    mode : {"noise2noise", "supervised"}
        With "noise2noise" noisy and target are halves and may change places.
    settings : TrainingSettings
        What the user chose.
    start : Model, optional
        A model to go on from (fine-tuning); its network must be the chosen one.
    previews : PreviewRequest, optional
        Where somebody looks at the run.

    Yields
    ------
    TrainingEvent
        ``PhaseStarted`` events, one ``TrainingStarted``, then ``StepFinished``,
        ``EpochFinished`` and ``PreviewMade``, and ``TrainingFinished`` unless the caller stops asking.

    Raises
    ------
    CryodenError
        For data, settings or a start that cannot be trained with.

    References
    ----------
    Lehtinen et al. (2018), Noise2Noise.
    """
    yield PhaseStarted("measuring the micrographs")
    shown = at_working_pixel(pairs, settings, start)
    patch = fitting_edge(shown.pairs, settings.patch)
    training, validation = split(shown.pairs, settings.held_out, patch, settings.seed)
    source = PatchSource(training, patch, settings.seed, swap=mode == "noise2noise")
    yield PhaseStarted("fitting the linear filter")
    device = devices.resolve(settings.device)
    place = Place(device, devices.number_format(settings.precision, device))
    learned = source.batch(0, max(1, min(FIT_PIXELS, 2 * _area(training)) // patch**2))
    held = HeldOutSet(
        PatchSource(validation, patch, settings.seed, swap=False),
        mode,
        place,
        learned,
        validation[0].pair.noisy.pixel_size,
    )
    yield PhaseStarted("preparing the network")
    network = _network(settings, fitted_filter(learned), start)
    learner = Learner(network, settings, place, anchored=start is not None)
    batch = settings.batch or (CPU_BATCH if device.type == "cpu" else GPU_BATCH)
    steps = settings.steps_per_epoch or _steps_per_epoch(training, batch * patch**2)
    run = RunState(settings, batch, steps, learner, held)
    yield _started(run, mode, shown, (training, validation))
    previewer = Previewer(previews or PreviewRequest(), learner.average, place, shown.working_pixel)
    yield from _own_time(run, _epochs(run, source, previewer))


def _own_time(run: RunState, events: Generator[TrainingEvent, None, None]) -> Iterator[TrainingEvent]:
    """Pass events on; the time until the next is asked for is a pause, and not the run's."""
    with closing(events):
        for event in events:
            given = time.monotonic()
            yield event
            run.began += time.monotonic() - given


def _epochs(run: RunState, source: PatchSource, previewer: Previewer) -> Generator[TrainingEvent, None, None]:
    yield run.validate([])
    yield from previewer.after(0)
    run.began = time.monotonic()
    losses: list[float] = []
    for batch in source.batches(run.batch):
        step = run.learn(batch)
        losses.append(step.loss)
        yield step
        yield from previewer.after(run.step)
        yield from _restarted(run, losses)
        if run.trouble is None and (run.reason or run.step % run.steps_per_epoch == 0):
            yield run.validate(losses)
            losses.clear()
            yield from _restarted(run, losses)
        if run.reason:
            break
    yield run.finish()


def _restarted(run: RunState, losses: list[float]) -> Iterator[TrainingEvent]:
    """Restart a run that has gone wrong and is not over; forget the losses of what is undone."""
    if run.trouble and not run.reason:
        losses.clear()
        yield run.restart(run.trouble)


def _network(settings: TrainingSettings, linear: LinearFilter, start: Model | None) -> Network:
    network = build(settings.network, settings.seed, start)
    if start is not None:
        return loaded(network, start)
    if isinstance(network, UNet):
        network.linear.load_state_dict(linear.state_dict())
    return network


def _steps_per_epoch(regions: Sequence[Region], pixels: int) -> int:
    """Return how many batches of so many pixels are one pass over the regions, within limits."""
    least, most = STEPS_PER_EPOCH
    return min(most, max(least, _area(regions) // pixels))


def _area(regions: Sequence[Region]) -> int:
    return sum(region.height * region.width for region in regions)


def _started(
    run: RunState, mode: Mode, shown: WorkingPairs, regions: tuple[Sequence[Region], Sequence[Region]]
) -> TrainingStarted:
    training, validation = (tuple(dict.fromkeys(region.pair.name for region in part)) for part in regions)
    return TrainingStarted(
        settings=run.settings,
        mode=mode,
        device=devices.describe(run.learner.place.device),
        precision=str(run.learner.place.number_format).removeprefix("torch."),
        parameters=sum(p.numel() for p in run.learner.network.parameters()),
        training=training,
        validation=validation,
        pixel_size=shown.pixel_size,
        references=run.held.references,
        epochs=run.settings.epochs,
        seconds=0.0 if run.settings.epochs else 60 * run.settings.minutes,
        steps_per_epoch=run.steps_per_epoch,
        working_pixel=shown.working_pixel,
        patch=run.held.source.edge,
        warnings=shown.warnings,
    )
