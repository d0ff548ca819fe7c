"""Runs that are interrupted and resumed, and what is compared of them."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cryoden.checkpoints.kept_checkpoints import Checkpoints
from cryoden.dataset.opening import open_halves
from cryoden.events.training import Resumed, StepFinished, TrainingEvent, TrainingState
from cryoden.model.checkpoint import load
from cryoden.runs.folder import RunFolder
from cryoden.training.preview_request import RunControl
from cryoden.workflows import train_model
from tests.cryoden.scenes import scene, write_halves
from tests.cryoden.training import short_runs

OF_TIME = {"elapsed", "seconds", "batches", "images", "megabytes", "gpu_bytes"}  # and of what ran before
EACH_STEP = 1e-6  # minutes between checkpoints


def halves(folder: Path, number: int = 4) -> Path:
    """Write some pairs and return their folder."""
    folder.mkdir()
    for seed in range(number):
        write_halves(folder, scene(seed))
    return folder


def settings(**chosen: Any) -> Any:
    return short_runs.settings(**({"checkpoint_minutes": EACH_STEP, "network": "baseline"} | chosen))


def begun(data: Path, run: Path, control: RunControl | None = None, **chosen: Any) -> Iterator[TrainingEvent]:
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002  the one that libraries share
    torch.manual_seed(1)
    return train_model.train_halves(open_halves([data]), RunFolder(run), settings(**chosen), control=control)


def until(events: Any, step: int) -> list[TrainingEvent]:
    """Take a run's events until the loss of a step is known, and stop asking."""
    seen: list[TrainingEvent] = []
    with closing(events):
        while not any(isinstance(event, StepFinished) and event.step >= step for event in seen[-1:]):
            seen.append(next(events))
    random.random()  # noqa: S311  another program would have other generators
    np.random.rand()  # noqa: NPY002  the same
    torch.rand(1)
    return seen


def resumed(events: list[TrainingEvent]) -> Resumed:
    (found,) = [event for event in events if isinstance(event, Resumed)]
    return found


def table(run: Path) -> list[dict[str, str]]:
    """Return the losses of a run, without times."""
    with RunFolder(run).metrics.open() as file:
        return [{key: row[key] for key in row if key not in OF_TIME} for row in csv.DictReader(file)]


def last_state(run: Path) -> TrainingState:
    return Checkpoints(RunFolder(run).checkpoints).newest()[0]


def differences(one: Path, other: Path) -> list[str]:
    """Return in what two runs differ: weights, average, optimizer, random state, losses, the saved model."""
    here, there = last_state(one), last_state(other)
    assert here.arrays.keys() == there.arrays.keys()
    assert here.step == there.step
    found = [name for name in here.arrays if not np.array_equal(here.arrays[name], there.arrays[name])]
    found += [name for name in here.values["engine"] if here.values["engine"] != there.values["engine"]]
    found += ["losses"] if table(one) != table(other) else []
    models = [RunFolder(run).model for run in (one, other)]
    assert models[0].exists() == models[1].exists()
    if models[0].exists():
        first, second = map(load, models)
        found += [
            f"model {name}" for name in first.weights if (first.weights[name] != second.weights[name]).any()
        ]
    return found
