from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import pytest
import torch

from cryoden.events.training import (
    TrainingEvent,
)
from cryoden.sampling.holdout import TrainingPair
from cryoden.training.micrographs import train_on_micrographs
from cryoden.training.working_micrograph import CHOSEN
from tests.cryoden.scenes import scene
from tests.cryoden.training.short_runs import SCENES, epochs, first, last, losses, settings

PAIRS = [known.pair for known in SCENES]
WIDE = [scene(seed, (256, 256)) for seed in range(2)]


def test_supervised_training_has_no_noise_floor() -> None:
    events = list(train_on_micrographs(PAIRS, "supervised", settings()))
    assert first(events).references.floor is None
    assert last(events).reason == "completed"


def test_stopping_is_to_stop_asking() -> None:
    events: Iterator[TrainingEvent] = train_on_micrographs(PAIRS, "noise2noise", settings(epochs=1000))
    taken = list(islice(events, 12))
    events.close()  # type: ignore[attr-defined]  # it is a generator
    assert len(epochs(taken)) >= 1
    assert next(events, None) is None


def test_no_mode_of_torch_leaks_to_the_one_who_iterates() -> None:
    for _ in train_on_micrographs(PAIRS, "noise2noise", settings(epochs=1, precision="bfloat16")):
        assert torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()
        assert not torch.is_autocast_enabled("cpu")


def test_a_pause_is_not_counted_as_time_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock jumps an hour each time nobody asks for the next event."""
    real, away = time.monotonic, [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: real() + away[0])
    told = []
    events = train_on_micrographs(PAIRS, "noise2noise", settings(epochs=0, minutes=0.05))
    for event in events:
        told.append(event)
        away[0] += 3600
    assert len(losses(told)) > 1
    assert 3 <= last(told).elapsed < 3600


@pytest.mark.parametrize(("pixel_size", "coarse"), [(1.5, 340), (None, pytest.approx(340 / CHOSEN))])
def test_the_particle_band_is_known_in_angstrom_or_in_pixels_of_the_usual_size(
    pixel_size: float | None, coarse: float
) -> None:
    pairs = [
        TrainingPair(*(replace(half, pixel_size=pixel_size) for half in (known.even, known.odd)))
        for known in WIDE
    ]
    events = list(train_on_micrographs(pairs, "noise2noise", settings(epochs=1)))
    band = first(events).references.band
    assert band is not None
    assert band.coarse == coarse
    assert band.coarse / band.fine == pytest.approx(17)
    assert all(epoch.quality.band is not None for epoch in epochs(events))


def test_supervised_runs_are_chosen_by_their_loss() -> None:
    events = list(train_on_micrographs(PAIRS, "supervised", settings(epochs=1)))
    assert first(events).references.band is None
    assert all(epoch.quality.band is None for epoch in epochs(events))
