"""Runs of training as short as they can be, and what they told."""

from __future__ import annotations

from typing import Any

import numpy as np

from cryoden.events.training import (
    EpochFinished,
    StepFinished,
    TrainingEvent,
    TrainingFinished,
    TrainingStarted,
)
from cryoden.model.checkpoint import Model
from cryoden.model.networks import Baseline
from cryoden.settings.training import TrainingSettings
from cryoden.training.micrographs import train_on_micrographs
from tests.cryoden.scenes import Known, scene

SCENES = [scene(i) for i in range(4)]


def settings(**chosen: Any) -> TrainingSettings:
    quick: dict[str, Any] = {"device": "cpu", "precision": "float32", "patch": 64, "batch": 2, "epochs": 2}
    eager = {"steps_per_epoch": 4, "validation_fraction": 0.25, "learning_rate": 5e-3}
    return TrainingSettings(**(quick | eager | chosen))


def losses(events: list[TrainingEvent]) -> list[float]:
    return [event.loss for event in events if isinstance(event, StepFinished)]


def epochs(events: list[TrainingEvent]) -> list[EpochFinished]:
    return [event for event in events if isinstance(event, EpochFinished)]


def first(events: list[TrainingEvent]) -> TrainingStarted:
    return next(event for event in events if isinstance(event, TrainingStarted))


def last(events: list[TrainingEvent]) -> TrainingFinished:
    assert isinstance(events[-1], TrainingFinished)
    return events[-1]


def run(start: Model | None = None, scenes: list[Known] = SCENES, **chosen: Any) -> list[TrainingEvent]:
    return list(
        train_on_micrographs([known.pair for known in scenes], "noise2noise", settings(**chosen), start=start)
    )


def constant_model(value: float) -> Model:
    weights = {name: np.full(p.shape, value, np.float32) for name, p in Baseline().state_dict().items()}
    return Model("baseline", weights, 1.5)
