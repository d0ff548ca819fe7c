from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from cryoden.compute.place import Place
from cryoden.events.training import Weights
from cryoden.model.networks import build
from cryoden.settings.training import TrainingSettings
from cryoden.training.engines import weights_of
from cryoden.training.holdout import Region, TrainingPair
from cryoden.training.learner import Learner
from cryoden.training.patches import PatchSource
from cryoden.training.plan import Plan
from cryoden.training.run_state import RunState
from cryoden.training.validation import HeldOutSet
from cryoden.training.working_micrograph import WorkingMicrograph
from tests.cryoden.scenes import scene

PLACE = Place(torch.device("cpu"), torch.float32)


def begun() -> tuple[RunState, PatchSource]:
    known = scene(1, (128, 128))
    pair = TrainingPair(WorkingMicrograph(known.even, 1.0), WorkingMicrograph(known.odd, 1.0))
    source = PatchSource([Region(pair, 0, 0, 128, 128)], 64, 0, swap=False)
    held = HeldOutSet(source, "noise2noise", PLACE, source.batch(0, 8), 1.5)
    settings = TrainingSettings(network="baseline", learning_rate=0.01, epochs=9)
    plan = Plan(1, epochs=9, restarts=3)
    return RunState(plan, Learner(build("baseline", 0), settings, PLACE), held), source


def learned(run: RunState, source: PatchSource, steps: int) -> Weights:
    for _ in range(steps):
        list(run.learn(source.batch(run.step + 1, 2)))
    return weights_of(run.engine)


def same(one: Weights, other: Weights) -> bool:
    return all(np.array_equal(one[name], other[name]) for name in one)


def test_a_restart_brings_back_the_start_and_later_the_best_weights() -> None:
    run, source = begun()
    start = weights_of(run.engine)
    run.validate()
    assert not same(learned(run, source, 3), start)
    assert "from the starting model, learning rate 0.0025" in run.restart("diverged").message
    assert same(weights_of(run.engine), start)
    best = learned(run, source, 3)
    run.best = replace(run.validate(), weights=best)
    assert not same(learned(run, source, 3), best)
    assert "Restart 2 of 3 from epoch 6, learning rate 0.00063" in run.restart("collapsed").message
    assert same(weights_of(run.engine), best)


def test_a_fourth_failure_ends_the_run_with_its_reason() -> None:
    run, _ = begun()
    run.validate()
    for _ in range(3):
        run.trouble = "diverged"
        assert run.reason is None
        run.restart("diverged")
        assert run.trouble is None
    run.trouble = "diverged"
    assert run.reason == "diverged"
    assert run.finish().message.startswith("The loss diverged. Lower the learning rate.")


def test_a_stop_before_the_first_validation_keeps_what_there_is_and_says_how_good_it_is() -> None:
    run, source = begun()
    run.validate()
    learned(run, source, 1)
    run.plan.stop.set()
    assert run.epoch_is_over
    assert run.reason == "stopped"
    epoch = run.validate()
    assert epoch.weights is not None
    assert run.finish().reason == "stopped"
    assert run.finish().message.startswith(f"Stopped. Model of epoch {epoch.epoch} (validation ")


def test_a_first_validation_comes_after_some_seconds_of_a_long_epoch() -> None:
    run, source = begun()
    run.plan = replace(run.plan, steps_per_epoch=1000, first_look=0.0)
    run.validate()
    learned(run, source, 1)
    assert run.epoch_is_over
    assert run.reason is None
    run.validate()
    learned(run, source, 1)
    assert not run.epoch_is_over
