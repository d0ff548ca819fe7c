"""Runs of training as short as they can be, and what they told."""

from __future__ import annotations

from typing import Any

from cryoden.events.training import (
    EpochFinished,
    StepFinished,
    TrainingEvent,
    TrainingFinished,
    TrainingStarted,
)
from cryoden.settings.training import TrainingSettings
from tests.cryoden.scenes import scene

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
