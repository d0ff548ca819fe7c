from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from cryoden.events.training import EpochFinished, Weights
from cryoden.image.spectra import Band
from cryoden.model.networks import build
from cryoden.model.place import Place
from cryoden.sampling.holdout import Region, TrainingPair
from cryoden.sampling.patches import PatchSource
from cryoden.settings.training import TrainingSettings
from cryoden.training.engines import weights_of
from cryoden.training.learner import Learner
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
    held = HeldOutSet(source, "noise2noise", PLACE, source.batch(0, 8), 1.5, Band(40, 4))
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
    assert run.finish().message.startswith(f"Stopped. Model of epoch {epoch.epoch} (")


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


def judged(run: RunState, band: float, loss: float) -> EpochFinished:
    """Validate as if the held-out data had said so."""
    score = run.holdout.judge(run.engine.judged())
    said = replace(score, loss=loss, collapsed=False, quality=replace(score.quality, band=band))
    run.holdout.judge = lambda *_: said  # type: ignore[method-assign]  # a network that scores so takes long
    found = run.validate()
    del run.holdout.judge
    return found


def test_a_run_on_halves_keeps_the_epoch_of_the_highest_band_figure_and_waits_by_it() -> None:
    run, source = begun()
    run.plan = replace(run.plan, patience=2)
    judged(run, 0.1, 0.9)
    kept = []
    for band, loss in ((0.3, 0.9), (0.4, 0.91), (0.35, 0.8), (0.4, 0.7)):
        learned(run, source, 1)
        assert run.reason is None
        kept.append(judged(run, band, loss).weights is not None)
    assert kept == [True, True, False, False]
    assert run.reason == "plateau"
    assert "Model of epoch 2 (SNR gain +0.8 dB) kept." in run.finish().message
