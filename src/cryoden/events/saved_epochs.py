"""Epochs as plain values, from which the same epochs come back, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from cryoden.events.quality import HeldOutQuality, TrainingStatus
from cryoden.events.training import EpochFinished, Speed

FORMERLY = {"gain": "palovcak"}  # as older versions wrote it


def epoch_values(epoch: EpochFinished) -> dict[str, Any]:
    """Return an epoch as JSON has it, but for NaN, and without its weights."""
    return asdict(replace(epoch, weights=None))


def epoch_from(values: Mapping[str, Any]) -> EpochFinished:
    """Return the epoch of these values, without weights.

    Raises
    ------
    KeyError, TypeError
        For values of anything else.
    """
    memory, speed = values["gpu_bytes"], values["speed"]
    quality = {FORMERLY.get(name, name): value for name, value in values["quality"].items()}
    made = {
        "quality": HeldOutQuality(**quality),
        "verdict": TrainingStatus(**values["verdict"]),
        "gpu_bytes": None if memory is None else (int(memory[0]), int(memory[1])),
        "speed": None if speed is None else Speed(**speed),
    }
    return EpochFinished(**{**values, **made})
