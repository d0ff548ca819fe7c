from __future__ import annotations

import math
from collections import deque
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from cryoden.denoising.denoise import denoise
from cryoden.events.batch import MicrographDenoised
from cryoden.events.training import (
    EpochFinished,
    PhaseStarted,
    Restarted,
    StepFinished,
    TrainingEvent,
    TrainingFinished,
    TrainingStarted,
)
from cryoden.events.training_status import merit
from cryoden.micrograph import Pixels
from cryoden.model.checkpoint import Model
from cryoden.sampling.holdout import TrainingPair
from cryoden.sampling.source import Batch
from cryoden.settings.denoising import DenoisingSettings
from cryoden.simulation.exposure import SAMPLE, simulated
from cryoden.training.learner import Learner
from cryoden.training.micrographs import train_on_micrographs
from cryoden.training.working_micrograph import CHOSEN
from tests.cryoden.scenes import Known, correlation, scene
from tests.cryoden.training.short_runs import (
    constant_model,
    epochs,
    first,
    last,
    losses,
    run,
    settings,
)


@cache
def short_run() -> list[TrainingEvent]:
    """The run that many tests look at."""
    return run()


def restarts(events: list[TrainingEvent]) -> list[Restarted]:
    return [event for event in events if isinstance(event, Restarted)]


def best_model(events: list[TrainingEvent]) -> Model:
    best = [event for event in epochs(events) if event.weights is not None][-1]
    assert best.weights is not None
    return Model(first(events).settings.network, best.weights, 1.5, {}, first(events).working_pixel)


@cache
def trained() -> Model:
    """A model that has learned what a few steps can teach."""
    return best_model(run(network="baseline", epochs=10, steps_per_epoch=8, learning_rate=0.01))


def denoised(known: Known, model: Model) -> Pixels:
    event = list(denoise(known.even, model, DenoisingSettings(device="cpu")))[-1]
    assert isinstance(event, MicrographDenoised)
    return event.micrograph.data


def test_events_come_in_the_promised_order() -> None:
    kinds = [type(event) for event in short_run()]
    start = kinds.index(TrainingStarted)
    epoch = [StepFinished] * 4 + [EpochFinished]
    assert set(kinds[:start]) == {PhaseStarted}
    assert kinds[start:] == [TrainingStarted, EpochFinished, *epoch, *epoch, TrainingFinished]


def test_the_same_seed_gives_the_same_losses_to_the_last_bit() -> None:
    one, two, other = short_run(), run(), run(seed=1)
    assert [loss.hex() for loss in losses(one)] == [loss.hex() for loss in losses(two)]
    assert losses(one) != losses(other)


def test_training_finds_what_a_linear_filter_cannot() -> None:
    scenes = [scene(i, (256, 256)) for i in range(6)]
    events = run(scenes=scenes, epochs=2, steps_per_epoch=25, batch=4, learning_rate=1e-3)
    unseen = scene(99, (256, 256))
    gained = correlation(denoised(unseen, best_model(events)), unseen.clean)
    raw = correlation(unseen.even.data, unseen.clean)
    reference = first(events).references
    assert last(events).best_loss < reference.linear - 0.01
    assert last(events).best_loss > 1 - 1.1 * reference.r_half
    assert gained > raw + 0.3


def test_the_network_works_on_coarser_pixels_and_patches_that_fit() -> None:
    started = first(short_run())
    assert (started.pixel_size, started.working_pixel, started.patch) == (1.5, CHOSEN, 64)  # of 80×96
    finer = first(run(working_pixel=2.0))
    assert (finer.working_pixel, finer.patch) == (2.0, 64)
    assert first(run(network="baseline", epochs=1)).working_pixel is None


def test_references_are_what_doing_nothing_and_a_constant_score() -> None:
    reference = first(short_run()).references
    power = reference.constant  # of the target: 1 in most places, and more where disks lie close
    assert 1 <= power < 1.1
    assert reference.r_half is not None
    assert reference.floor is not None
    assert reference.identity / power == pytest.approx(2 * (1 - reference.r_half), abs=0.03)
    assert reference.floor / power == pytest.approx(1 - reference.r_half, abs=0.02)
    assert reference.linear < reference.constant


def test_a_unet_starts_close_to_the_best_linear_filter() -> None:
    events = short_run()
    at, start = first(events).references, epochs(events)[0].validation_loss
    assert at.constant - start > 0.9 * (at.constant - at.linear)


def test_whole_micrographs_are_held_out_and_named() -> None:
    started = first(short_run())
    assert len(started.training) == 3
    assert set(started.training).isdisjoint(started.validation)


def test_a_run_limited_by_minutes_ends_by_itself() -> None:
    events = run(epochs=0, minutes=0.02)
    assert last(events).reason == "completed"
    assert last(events).elapsed >= 1.2
    assert first(events).seconds == pytest.approx(1.2)


def test_fine_tuning_goes_on_where_the_model_stands() -> None:
    model = best_model(run(epochs=3))
    again = run(start=model, learning_rate=1e-7)
    trained = np.concatenate([w.ravel() for w in best_model(again).weights.values()])
    np.testing.assert_allclose(
        trained, np.concatenate([w.ravel() for w in model.weights.values()]), atol=1e-4
    )


def test_a_run_that_never_rises_from_the_constant_is_given_up_and_never_called_best() -> None:
    events = run(constant_model(0.0), network="baseline", learning_rate=1e-7, epochs=50)
    assert last(events).reason == "collapsed"
    assert "collapsed to a constant" in last(events).message
    assert [event.why for event in restarts(events)] == ["collapsed"] * 3
    assert last(events).epochs == 20  # five to rise in, four times
    assert all(epoch.collapsed and epoch.weights is None for epoch in epochs(events)[1:])


def test_a_fallen_epoch_is_not_the_best_even_where_its_loss_is() -> None:
    """A constant that is off by much gets better on its way to a constant that is right."""
    start = constant_model(0.0)
    start.weights["4.bias"][:] = 0.5
    events = run(start, network="baseline", learning_rate=0.1, epochs=4)
    losses_of_epochs = [epoch.validation_loss for epoch in epochs(events)]
    assert losses_of_epochs[-1] < losses_of_epochs[0] - 0.01
    assert all(epoch.collapsed and epoch.weights is None for epoch in epochs(events)[1:])


def test_a_loss_that_is_no_number_is_never_learned_and_restarts_the_run_at_once() -> None:
    events = run(constant_model(1e30), network="baseline", epochs=50)
    assert last(events).reason == "diverged"
    assert len(losses(events)) == 4
    assert all(map(math.isnan, losses(events)))
    assert [event.attempt for event in restarts(events)] == [1, 2, 3]
    assert [event.epoch for event in epochs(events)] == [0]


@cache
def samples() -> list[TrainingPair]:
    """A quarter of each of the sample data's micrographs."""
    scenes = [replace(SAMPLE, edge=512, particles=13, seed=seed) for seed in (1, 2)]
    return [TrainingPair(pair.even, pair.odd) for pair in (simulated(each, "sample") for each in scenes)]


def on_samples(**chosen: Any) -> list[TrainingEvent]:
    known = settings(**({"patch": 64, "steps_per_epoch": 10, "epochs": 8} | chosen))
    return list(train_on_micrographs(samples(), "noise2noise", known))


WORDS = {"collapsed": "Collapsed to a constant", "diverged": "Diverged"}


def assert_restarted_at_once(events: list[TrainingEvent]) -> None:
    """Each restart answers the event before it, and nothing as bad is left without an answer."""
    bad = [
        i for i, event in enumerate(events[:-2])
        if (isinstance(event, StepFinished) and math.isnan(event.loss))
        or (isinstance(event, EpochFinished) and event.epoch and event.verdict.words == WORDS["diverged"])
    ]  # fmt: skip
    assert all(isinstance(events[i + 1], Restarted) for i in bad)
    for i, restarted in enumerate(events):
        before = events[i - 1]
        if isinstance(restarted, Restarted) and isinstance(before, EpochFinished):
            assert before.verdict.words == WORDS[restarted.why]
        elif isinstance(restarted, Restarted):
            assert isinstance(before, StepFinished)
            assert (math.isnan(before.loss), restarted.why) == (True, "diverged")


def test_a_mad_learning_rate_diverges_and_the_run_recovers_by_a_gentler_one() -> None:
    events = on_samples(learning_rate=0.1, patch=128, epochs=2)
    assert_restarted_at_once(events)
    restarted = restarts(events)[0]
    assert (restarted.why, restarted.learning_rate) == ("diverged", 0.025)
    assert "Restart 1 of 3 from the starting model, learning rate 0.025" in restarted.message
    assert [event.step for event in events if isinstance(event, StepFinished)] == list(range(1, 21))
    assert [event.epoch for event in epochs(events)] == [0, 1, 2]
    assert last(events).best_loss < first(events).references.linear


@pytest.fixture(scope="module")
def mad_runs() -> list[list[TrainingEvent]]:
    """Runs of the baseline network at rates of which each is too high in its own way."""
    rates = (0.3, 1.0, 3.0, 10.0)
    return [on_samples(network="baseline", learning_rate=rate) for rate in rates]


def test_falling_and_diverging_are_both_told_at_the_first_bad_epoch_and_survived(
    mad_runs: list[list[TrainingEvent]],
) -> None:
    answered = [events for events in mad_runs if restarts(events)]
    assert {restarted.why for events in answered for restarted in restarts(events)} == {
        "collapsed",
        "diverged",
    }
    for events in answered:
        assert_restarted_at_once(events)
        assert len(restarts(events)) <= 3
    assert any(last(events).best_loss < first(events).references.constant - 0.01 for events in answered)


def test_a_restart_goes_on_from_the_best_epoch_and_is_the_same_each_time(
    mad_runs: list[list[TrainingEvent]],
) -> None:
    for events in mad_runs:
        for restarted in restarts(events):
            kept = [e.epoch for e in epochs(events[: events.index(restarted)]) if e.weights is not None]
            assert (f"from epoch {kept[-1]}," if kept else "from the starting model,") in restarted.message
    assert any("from epoch" in restarted.message for events in mad_runs for restarted in restarts(events))
    again = on_samples(network="baseline", learning_rate=1.0)
    assert [loss.hex() for loss in losses(again)] == [loss.hex() for loss in losses(mad_runs[1])]


def test_a_run_without_progress_stops_early_and_says_so() -> None:
    model = trained()
    stuck: dict[str, Any] = {"network": "baseline", "learning_rate": 0.3, "epochs": 6, "steps_per_epoch": 1}
    ended = last(run(model, patience=3, **stuck))
    assert ended.reason == "plateau"
    assert ended.epochs == ended.best_epoch + 3
    assert "Stopped early: 3 epochs" in ended.message
    assert last(run(model, patience=0, **stuck)).epochs == 6


@pytest.mark.parametrize(
    "chosen",
    [
        {"optimizer": "sgd"},
        {"schedule": "cosine"},
        {"network": "baseline", "learning_rate": 0.01, "epochs": 10},
    ],
)
def test_every_choice_trains(chosen: dict[str, Any]) -> None:
    assert last(run(**chosen)).reason == "completed"


def test_a_cosine_schedule_ends_near_zero_and_a_constant_one_does_not() -> None:
    rates = {}
    for schedule in ("constant", "cosine"):
        events = run(schedule=schedule, network="baseline", epochs=4)
        steps = [event for event in events if isinstance(event, StepFinished)]
        rates[schedule] = steps[-1].learning_rate
    assert rates["cosine"] < 0.01 * rates["constant"]


def test_an_epoch_no_better_than_the_start_is_not_the_best() -> None:
    model = trained()
    worse = run(model, network="baseline", learning_rate=1.0, epochs=3)
    start, *later = epochs(worse)
    known = first(worse).references
    assert all((e.weights is not None) == (merit(known, e) > merit(known, start)) for e in later[:1])
    assert all(merit(known, e) > merit(known, start) for e in later if e.weights is not None)


def test_an_interrupt_in_the_first_epoch_goes_on_after_what_was_learned_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    step = Learner.step

    def interrupted(self: Learner, batch: Batch, number: int, factor: float) -> None:
        if number == 3:
            raise KeyboardInterrupt
        step(self, batch, number, factor)

    monkeypatch.setattr(Learner, "step", interrupted)
    pairs, events = [scene(i).pair for i in range(4)], deque[TrainingEvent]()
    with pytest.raises(KeyboardInterrupt):
        events.extend(train_on_micrographs(pairs, "noise2noise", settings(steps_per_epoch=1000)))
    assert [epoch.weights is not None for epoch in epochs(list(events))] == [False, True]
    assert last(list(events)).reason == "stopped"
