"""Training on patches of micrographs: what the loop is given, from pairs and settings."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch

from cryoden.compute import devices
from cryoden.compute.ranks import ALONE, Ranks
from cryoden.errors import SettingsError
from cryoden.events.training import Mode, PhaseStarted, TrainingEvent, TrainingStarted
from cryoden.image.spectra import PARTICLES
from cryoden.model.checkpoint import Model
from cryoden.model.networks import LinearFilter, Network, UNet, build, loaded
from cryoden.model.pixel_scale import ASSUMED
from cryoden.model.place import Place
from cryoden.sampling.holdout import GRID, Region, TrainingPair, fitting_edge, narrowed, split
from cryoden.sampling.patches import PatchSource
from cryoden.sampling.resident_patches import resident
from cryoden.sampling.source import Batch
from cryoden.sampling.stream import THREADS, Stream
from cryoden.settings.training import TrainingSettings
from cryoden.training.learner import Learner, continued, fitted_filter, follow, leading
from cryoden.training.plan import Plan
from cryoden.training.preview_request import RunControl, state_every
from cryoden.training.previews import Previewer
from cryoden.training.train import train
from cryoden.training.validation import HeldOutSet
from cryoden.training.working_micrograph import WorkingPairs, at_working_pixel, reach

CPU_BATCH, GPU_BATCH = 2, 16
STEPS_PER_EPOCH = (20, 200)
FIT_PIXELS = 1 << 20  # a linear filter has few numbers to find
RESTARTS = 3
FIRST_LOOK = 15.0  # s, on a CPU, where one pass may take many minutes
MOST_THREADS = 8  # beside a GPU


class _Data(NamedTuple):
    """What is seen of the micrographs."""

    shown: WorkingPairs
    source: PatchSource
    validation: PatchSource


def train_on_micrographs(
    pairs: Sequence[TrainingPair],
    mode: Mode,
    settings: TrainingSettings,
    *,
    start: Model | None = None,
    control: RunControl | None = None,
) -> Iterator[TrainingEvent]:
    """Train a network on patches of micrographs.

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
    control : RunControl, optional
        Where somebody looks at the run, when it is to end, and who shares its batches.

    Yields
    ------
    TrainingEvent
        ``PhaseStarted`` events, one ``TrainingStarted``, and those of `cryoden.training.train.train`.

    Raises
    ------
    CryodenError
        For data, settings or a start that cannot be trained with.

    References
    ----------
    Lehtinen et al. (2018), Noise2Noise.
    """
    control = control or RunControl()
    ranks = control.ranks or ALONE
    yield PhaseStarted("measuring the micrographs")
    device = devices.resolve(settings.device)
    size = _size(settings, device, ranks)
    data = _divided(at_working_pixel(pairs, settings, start), mode, settings, size)
    yield PhaseStarted("fitting the Wiener filter")
    place = Place(device, devices.number_format(settings.precision, device))
    learned = _first(data.source)
    holdout = _judge(data, mode, place, learned) if ranks.leads else None
    yield PhaseStarted("preparing the network")
    network = _network(settings, fitted_filter(learned), start)
    plan = _plan(settings, data.source, device, control)
    stream = resident(data.source, device, ranks.share) or Stream(
        data.source, _threads(device, ranks), device, share=ranks.share
    )
    with ranks.together(device), leading(ranks):
        engine = Learner(network, settings, place, ranks=ranks, anchored=start is not None)
        if holdout is None:
            follow(engine, stream.batches(plan.steps(continued(engine, control.state))))
            return
        continued(engine, control.state)
        yield _started(settings, mode, data, engine, (holdout, plan))
        previewer = Previewer(control.previews, engine.average, place, data.shown.working_pixel)
        yield from train(stream, engine, holdout, plan, previews=previewer.after, state=control.state)


def _described(engine: Learner) -> str:
    device, number = devices.describe(engine.place.device), engine.ranks.number
    return f"{device}, {number} processes" if number > 1 else device


def _size(settings: TrainingSettings, device: torch.device, ranks: Ranks) -> int:
    size = settings.batch or (CPU_BATCH if device.type == "cpu" else GPU_BATCH)
    if size < ranks.number:
        problem = f"a batch of {size} patches cannot be shared by {ranks.number} processes"
        raise SettingsError("S03", None, problem, fix=f"Set batch to {ranks.number} or more")
    return size


def _threads(device: torch.device, ranks: Ranks) -> int:
    """Return how many threads of this process read ahead."""
    if device.type == "cpu":
        return THREADS
    return min(MOST_THREADS, max(THREADS, (os.cpu_count() or 1) // 2 // ranks.number))


def _divided(shown: WorkingPairs, mode: Mode, settings: TrainingSettings, size: int) -> _Data:
    edge = fitting_edge(shown.pairs, settings.patch)
    training, held = split(shown.pairs, settings.validation_fraction, edge, settings.seed)
    halves = mode == "noise2noise"
    source = PatchSource(training, edge, settings.seed, swap=halves, size=size)
    margin = max(reach(region.pair.noisy) for region in held)
    judged = edge if len(shown.pairs) > 1 else max(GRID, (edge - 2 * margin) // GRID * GRID)
    return _Data(shown, source, PatchSource(narrowed(held, margin), judged, settings.seed, swap=halves))


def _first(source: PatchSource) -> Batch:
    """Return patches to fit filters to."""
    patches = min(FIT_PIXELS, 2 * _area(source.regions)) // source.edge**2
    return source.batch(0, max(1, patches))


def _judge(data: _Data, mode: Mode, place: Place, learned: Batch) -> HeldOutSet:
    edge, pixel_size = data.validation.edge, data.validation.regions[0].pair.noisy.pixel_size
    cut = Batch(*(side[..., :edge, :edge] for side in (learned.noisy, learned.target)))
    assumed = pixel_size or data.shown.working_pixel or ASSUMED
    particles = PARTICLES.in_pixels(assumed) if mode == "noise2noise" else None
    return HeldOutSet(data.validation, mode, place, cut, pixel_size, particles)


def _network(settings: TrainingSettings, linear: LinearFilter, start: Model | None) -> Network:
    network = build(settings.network, settings.seed, start)
    if start is not None:
        return loaded(network, start)
    if isinstance(network, UNet):
        network.linear.load_state_dict(linear.state_dict())
    return network


def _plan(settings: TrainingSettings, source: PatchSource, device: torch.device, control: RunControl) -> Plan:
    """Return the plan; without a choice an epoch is one pass over the pixels, within limits."""
    least, most = STEPS_PER_EPOCH
    is_slow = device.type == "cpu" and not settings.steps_per_epoch
    one_pass = _area(source.regions) // (source.size * source.edge**2)
    return Plan(
        steps_per_epoch=settings.steps_per_epoch or min(most, max(least, one_pass)),
        epochs=settings.epochs,
        minutes=settings.minutes,
        patience=settings.patience,
        schedule=settings.schedule,
        restarts=RESTARTS,
        first_look=FIRST_LOOK if is_slow else math.inf,
        state_every=state_every(settings.checkpoint_minutes) if control.keeps_states else None,
        stop=control.stop,
    )


def _area(regions: Sequence[Region]) -> int:
    return sum(region.height * region.width for region in regions)


def _started(
    settings: TrainingSettings, mode: Mode, data: _Data, engine: Learner, of: tuple[HeldOutSet, Plan]
) -> TrainingStarted:
    training, validation = (
        tuple(dict.fromkeys(region.pair.name for region in part.regions))
        for part in (data.source, data.validation)
    )
    holdout, plan = of
    return TrainingStarted(
        settings=settings,
        mode=mode,
        device=_described(engine),
        precision=str(engine.place.number_format).removeprefix("torch."),
        parameters=sum(p.numel() for p in engine.network.parameters()),
        training=training,
        validation=validation,
        pixel_size=data.shown.pixel_size,
        references=holdout.references,
        epochs=plan.epochs,
        seconds=plan.seconds,
        steps_per_epoch=plan.steps_per_epoch,
        working_pixel=data.shown.working_pixel,
        patch=data.source.edge,
        batch=data.source.size,
        warnings=data.shown.warnings,
    )
