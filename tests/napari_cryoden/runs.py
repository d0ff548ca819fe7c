"""Runs as the library tells them, made up: what a widget shows must not need minutes of training."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from cryoden.events.history import History
from cryoden.events.quality import BandReferences, HeldOutQuality, References
from cryoden.events.training import (
    EpochFinished,
    PhaseStarted,
    StepFinished,
    TrainingEvent,
    TrainingFinished,
    TrainingStarted,
)
from cryoden.events.training_status import assess
from cryoden.micrograph import HalfPair
from cryoden.settings.training import TrainingSettings
from cryoden.simulation import exposure
from cryoden.simulation.scene import Scene

FLOOR = 0.977
REFERENCES = References(
    identity=1.95, constant=1.0, gaussian=0.99, sigma=20.0, linear=0.988,
    floor=FLOOR, error=0.001, r_half=0.023, fine=0.0, frc=0.08, resolution=30.0,
)  # fmt: skip
BAND = BandReferences(340, 20, identity=0.22, gaussian=0.12, linear=0.23, error=0.01)
BANDED = replace(REFERENCES, band=BAND)
QUALITY = HeldOutQuality(palovcak=21.5, bias=0.12, frc=0.1, resolution=18.4)
WEIGHTS = {"w": np.zeros(3, np.float32)}


def started(references: References = REFERENCES) -> TrainingStarted:
    return TrainingStarted(
        settings=TrainingSettings(),
        mode="noise2noise",
        device="CPU",
        precision="float32",
        parameters=2625,
        training=("a",),
        validation=("b",),
        pixel_size=1.2,
        references=references,
        epochs=0,
        seconds=60,
        steps_per_epoch=10,
    )


def step(number: int, loss: float = 0.98) -> StepFinished:
    return StepFinished(number, (number - 1) // 10 + 1, loss, 1e-3, number * 0.1, number / 100, 10.0)


def epoch(
    number: int,
    validation: float,
    *,
    best: bool = False,
    before: Sequence[EpochFinished] = (),
    band: float | None = None,
) -> EpochFinished:
    train = math.nan if number == 0 else validation - 0.001
    weights = WEIGHTS if best else None
    made = EpochFinished(number, number * 10, number * 1.0, train, validation, 0.02, False, QUALITY, weights)
    made = replace(made, quality=replace(QUALITY, band=band))
    return replace(made, verdict=assess(REFERENCES if band is None else BANDED, [*before, made]))


def events(epochs: int = 5, *, banded: bool = False) -> Iterator[TrainingEvent]:
    yield PhaseStarted("measuring the micrographs")
    yield started(BANDED if banded else REFERENCES)
    told = [epoch(0, 1.4, band=0.2 if banded else None)]
    yield told[0]
    for number in range(1, epochs + 1):
        for one in range(10):
            yield step((number - 1) * 10 + one + 1, 0.98 + 0.05 * (-1) ** one)
        band = 0.2 + 0.02 * number if banded else None
        told.append(epoch(number, 0.99 - 0.002 * number, best=True, before=told, band=band))
        yield told[-1]
    yield TrainingFinished("completed", "completed: 5 epochs", epochs, epochs, 0.98, 5.0)


def history(epochs: int = 5, *, banded: bool = False) -> History:
    """A run; one on halves as they are trained on today where ``banded``."""
    folded = History()
    for event in events(epochs, banded=banded):
        folded.add(event)
    return folded


def endless() -> Generator[TrainingEvent, None, None]:
    yield started()
    number = 0
    while True:
        number += 1
        yield step(number)
        if number % 10 == 0:
            yield epoch(number // 10, 0.99, best=number == 10)


def pairs() -> list[HalfPair]:
    return [halves(name) for name in ("one", "two")]


def halves(name: str, seed: int = 0, edge: int = 256) -> HalfPair:
    """A simulated pair; each caller has pixels of its own."""
    shown = _exposed(seed, edge)
    return replace(shown, even=shown.even.copy(), odd=shown.odd.copy()).pair(name)


@cache
def _exposed(seed: int, edge: int) -> exposure.SimulatedExposure:
    return exposure.exposed(Scene(edge=edge, particles=round(30 * (edge / 512) ** 2), seed=seed))


def quick(**changes: Any) -> TrainingSettings:
    return TrainingSettings(network="baseline", epochs=1, steps_per_epoch=2, batch=1, patch=64, **changes)
