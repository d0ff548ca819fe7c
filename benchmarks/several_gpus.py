"""Training on one, two and four GPUs: how much faster, and whether the losses are the same.

    python benchmarks/several_gpus.py [--processes 1 2 4] [--batch 128] [--steps 60] [--processors]

On simulated halves in memory; all numbers of processes share the same batches. Of each number: the losses of
a few steps in float32 beside those of one process; the step alone, on patches that lie there; and the whole
training loop, which draws them. Validation is not counted. Takes about a minute and a half on four GPUs.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from cryoden.compute import devices
from cryoden.compute.ranks import Ranks
from cryoden.compute.started_ranks import started
from cryoden.events.training import EpochFinished, StepFinished
from cryoden.model.networks import build
from cryoden.model.place import Place
from cryoden.sampling.holdout import TrainingPair
from cryoden.sampling.source import BatchOnGpu
from cryoden.settings.training import TrainingSettings
from cryoden.simulation.exposure import SAMPLE, simulated
from cryoden.training.learner import Learner, follow, leading
from cryoden.training.micrographs import train_on_micrographs
from cryoden.training.preview_request import RunControl

EDGE, COMPARED, WARM_UP = 2048, 20, 10


@dataclass(frozen=True)
class Asked:
    """What each process is asked to do."""

    batch: int
    steps: int
    patch: int
    edge: int
    compared: int


@dataclass(frozen=True)
class Found:
    """What the first process found: losses, and patches a second of the step alone and of training."""

    losses: list[float]
    step: float
    training: float


def halves(asked: Asked) -> list[TrainingPair]:
    """Return simulated halves at 3 Å/px."""
    scenes = [replace(SAMPLE, edge=asked.edge, pixel_size=3.0, particles=200, seed=seed) for seed in range(3)]
    return [TrainingPair(pair.even, pair.odd) for pair in (simulated(one, "m") for one in scenes)]


def events(asked: Asked, pairs: list[TrainingPair], device: str, ranks: Ranks, **chosen: Any) -> list[Any]:
    """Return what a training reports."""
    common = {"batch": asked.batch, "patch": asked.patch, "device": device, "seed": 1}
    settings = TrainingSettings(**common, **chosen)
    control = RunControl(ranks=ranks)
    return list(train_on_micrographs(pairs, "noise2noise", settings, control=control))


def trained(asked: Asked, pairs: list[TrainingPair], device: str, ranks: Ranks) -> tuple[list[float], float]:
    """Return losses in float32, and patches a second of a training as users have it."""
    exact = events(asked, pairs, device, ranks, precision="float32", epochs=1, steps_per_epoch=asked.compared)
    usual = events(asked, pairs, device, ranks, epochs=2, steps_per_epoch=asked.steps)
    losses = [one.loss for one in exact if isinstance(one, StepFinished)]
    speeds = [one.speed for one in usual if isinstance(one, EpochFinished) and one.speed]
    return losses, speeds[-1].batches * asked.batch if speeds else 0.0


def stepped(asked: Asked, device: str, ranks: Ranks) -> float:
    """Return patches a second of the step alone."""
    place = Place(devices.resolve(device), devices.number_format("auto", devices.resolve(device)))
    size = len(range(ranks.rank, asked.batch, ranks.number))
    pixels = np.random.default_rng(ranks.rank).normal(size=(2, size, 1, asked.patch, asked.patch))
    noisy, target = (torch.from_numpy(one.astype(np.float32)).to(place.device) for one in pixels)

    def batches() -> Generator[BatchOnGpu, None, None]:
        while True:
            yield BatchOnGpu(noisy, target)

    with ranks.together(place.device), leading(ranks):
        learner = Learner(build("unet", 0), TrainingSettings(), place, ranks=ranks)
        if not ranks.leads:
            follow(learner, batches())
            return 0.0
        seconds = [spent(learner, batches(), range(1, WARM_UP + 1))]
        seconds.append(spent(learner, batches(), range(WARM_UP + 1, WARM_UP + asked.steps + 1)))
        return asked.batch * asked.steps / seconds[-1]


def spent(learner: Learner, batches: Generator[BatchOnGpu, None, None], steps: range) -> float:
    """Return the seconds that some steps take."""
    began = time.perf_counter()
    for number in steps:
        learner.step(next(batches), number, 1.0)
    devices.mark(learner.place.device)()
    return time.perf_counter() - began


def measured(asked: Asked, device: str, ranks: Ranks) -> Found:
    """Measure, or follow the process that does."""
    losses, training = trained(asked, halves(asked), device, ranks)
    return Found(losses, stepped(asked, device, ranks), training)


def joined(asked: Asked, device: str, ranks: Ranks) -> None:
    """Follow."""
    measured(asked, device, ranks)


def main() -> None:
    """Measure each number of processes, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--patch", type=int, default=256)
    parser.add_argument("--compared", type=int, default=COMPARED, help="steps whose losses are compared")
    parser.add_argument("--edge", type=int, default=EDGE, help="of the micrographs")
    parser.add_argument("--processors", action="store_true", help="in place of GPUs")
    options = parser.parse_args()
    asked = Asked(options.batch, options.steps, options.patch, options.edge, options.compared)
    there = (os.cpu_count() or 1) if options.processors else torch.cuda.device_count()
    name = devices.describe(devices.resolve("cpu" if options.processors else "cuda"))
    print(f"{there} × {name}, torch {torch.__version__}; batches of {asked.batch} × {asked.patch}²")
    found: dict[int, Found] = {}
    for number in (one for one in options.processes if one <= there):
        began = time.perf_counter()
        names = ["cpu" if options.processors else f"cuda:{at}" for at in range(number)]
        with started(joined, asked, names) as ranks:
            found[number] = measured(asked, names[0], ranks)
        show(number, found[number], next(iter(found.values())), time.perf_counter() - began)


def show(number: int, of: Found, first: Found, seconds: float) -> None:
    """Print what was found beside the first."""
    apart = max(abs(a / b - 1) for a, b in zip(of.losses, first.losses, strict=True))
    print(
        f"{number} processes: step {of.step:8,.0f} patches/s ({of.step / first.step:.2f} ×), training "
        f"{of.training:8,.0f} patches/s ({of.training / first.training:.2f} ×), losses of {len(of.losses)} "
        f"steps at most {apart:.1e} apart ({seconds:.0f} s)",
        flush=True,
    )


if __name__ == "__main__":
    main()
