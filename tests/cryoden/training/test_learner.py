from __future__ import annotations

import math
from collections.abc import Generator
from typing import Any

import numpy as np
import pytest
import torch

from cryoden.compute.ranks import Ranks
from cryoden.errors import SettingsError, TrainingError
from cryoden.events.training import Restarted, TrainingFinished, TrainingStarted
from cryoden.model.networks import build
from cryoden.model.place import Place
from cryoden.sampling.source import Batch
from cryoden.settings.training import TrainingSettings
from cryoden.training.engines import weights_of
from cryoden.training.learner import STEP, WARM_UP, Learner, fitted_filter, follow
from cryoden.training.plan import Plan
from tests.cryoden.training.shared_runs import shared_run
from tests.cryoden.training.short_runs import losses, run

CPU = Place(torch.device("cpu"), torch.float32)


def learner(**chosen: float | str) -> Learner:
    settings = TrainingSettings(**({"network": "baseline", "learning_rate": 0.01} | chosen))  # type: ignore[arg-type]  # any setting
    return Learner(build(settings.network, 0), settings, CPU)


def learn(one: Learner, batch: Batch, step: int) -> float:
    one.step(batch, step, 1.0)
    (loss,) = one.losses()
    return loss


def batch(seed: int = 0, edge: int = 64) -> Batch:
    noisy, target = np.random.default_rng(seed).normal(size=(2, 2, 1, edge, edge)).astype(np.float32)
    return Batch(noisy, target)


def weights(module: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in module.parameters()]).clone()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_batch_that_is_no_number_moves_no_weight(bad: float) -> None:
    one = learner()
    learn(one, batch(), 1)
    before, average = weights(one.network), weights(one.average)
    broken = batch(1)
    broken.noisy[0, 0, 5, 5] = bad
    assert math.isnan(learn(one, broken, 2))
    assert torch.equal(weights(one.network), before)
    assert torch.equal(weights(one.average), average)
    assert math.isfinite(learn(one, batch(2), 3))


def test_the_learning_rate_warms_up_and_a_cosine_comes_down() -> None:
    one, cosine = learner(), Plan(10, epochs=4, schedule="cosine")
    assert one.rate(1, 1.0) == pytest.approx(0.01 / WARM_UP)
    assert one.rate(WARM_UP, 1.0) == one.rate(10 * WARM_UP, Plan(10, epochs=4).factor(0.9)) == 0.01
    assert one.rate(WARM_UP, cosine.factor(0.5)) == pytest.approx(0.005)
    assert one.rate(WARM_UP, cosine.factor(1.0)) == pytest.approx(0.0)


def test_a_restart_brings_the_weights_back_and_warms_up_to_a_quarter_of_the_rate() -> None:
    one = learner()
    start = weights_of(one)
    for step in range(1, 30):
        learn(one, batch(step), step)
    moved = weights(one.network)
    assert one.restart(start, 29) == pytest.approx(0.0025)
    assert torch.equal(weights(one.network), weights(one.average))
    assert not torch.equal(weights(one.network), moved)
    assert one.rate(30, 1.0) == pytest.approx(0.0025 / WARM_UP)
    assert one.rate(29 + WARM_UP, 1.0) == pytest.approx(0.0025)
    assert {name: value.tolist() for name, value in weights_of(one).items()} == {
        name: value.tolist() for name, value in start.items()
    }


def test_the_average_lies_between_the_start_and_the_weights_of_now() -> None:
    one = learner()
    start = weights(one.network)
    for step in range(1, 80):
        learn(one, batch(step), step)
    now, average = weights(one.network), weights(one.average)
    assert 0 < torch.linalg.norm(average - start) < torch.linalg.norm(now - start) * 1.5
    assert torch.linalg.norm(average - now) > 0


def test_the_fitted_filter_is_the_best_of_its_kind() -> None:
    """Nothing that changes one gain may predict the target better: it is the least squares."""
    numbers = np.random.default_rng(0)
    scene = np.kron(numbers.normal(size=(4, 1, 16, 16)), np.ones((8, 8)))
    noisy, target = (torch.from_numpy(scene + numbers.normal(size=scene.shape)).float() for _ in range(2))
    linear = fitted_filter(Batch(noisy.numpy(), target.numpy()))

    def loss() -> float:
        with torch.no_grad():
            return float((linear(noisy) - target).square().mean())

    best = loss()
    assert best < float(target.square().mean()) - 0.3
    for gain in range(len(linear.gains)):
        for step in (-0.02, 0.02):
            linear.gains.data[gain] += step
            assert loss() > best
            linear.gains.data[gain] -= step


def test_an_anchor_ends_half_way_between_what_it_learns_and_what_it_began_with() -> None:
    """Noise in, another image as target: least squares of both has its minimum half-way."""
    torch.manual_seed(0)
    noisy = torch.randn(4, 1, 32, 32)
    pair = Batch(noisy.numpy(), (-noisy).numpy())
    gains = []
    for anchor in (0.0, 1.0):
        network = torch.nn.Conv2d(1, 1, 1, bias=False)
        torch.nn.init.ones_(network.weight)
        settings = TrainingSettings(learning_rate=0.02, anchor=anchor)
        taught = Learner(network, settings, CPU, anchored=True)  # type: ignore[arg-type]  # the least network
        for step in range(1, 401):
            learn(taught, pair, step)
        gains.append(network.weight.item())
    assert gains == pytest.approx([-1.0, 0.0], abs=0.05)


@pytest.mark.parametrize("chosen", [{"batch": 4}, {"batch": 3, "optimizer": "sgd"}])
def test_two_processes_have_the_losses_of_one_to_rounding(chosen: dict[str, Any]) -> None:
    events = shared_run(2, **chosen)
    np.testing.assert_allclose(losses(events), losses(run(**chosen)), rtol=2e-6)
    (started,) = [event for event in events if isinstance(event, TrainingStarted)]
    assert started.device.endswith("2 processes")
    assert started.batch == chosen["batch"]


def test_processes_restart_together_from_the_weights_of_the_first() -> None:
    chosen: dict[str, Any] = {"batch": 2, "learning_rate": 3.0, "epochs": 3}
    one, two = run(**chosen), shared_run(2, **chosen)
    restarts = [[event.attempt for event in events if isinstance(event, Restarted)] for events in (one, two)]
    assert restarts[0] == restarts[1]
    assert restarts[0]
    np.testing.assert_allclose(losses(two)[:3], losses(one)[:3], rtol=1e-4)
    assert isinstance(two[-1], TrainingFinished)


def test_a_batch_smaller_than_the_number_of_processes_is_refused() -> None:
    with pytest.raises(SettingsError, match="S03  a batch of 2 patches cannot be shared by 3 processes"):
        shared_run(3, batch=2)


class Leader(Ranks):
    """A process that hears of a step, as one that was started by another does."""

    def hear(self, count: int) -> list[float]:
        return [STEP, 3.0, 1.0][:count]


def nothing() -> Generator[Batch, None, None]:
    yield from ()


def test_a_process_without_a_batch_for_a_step_ends_in_words_and_changes_nothing() -> None:
    learner = Learner(build("baseline", 0), TrainingSettings(), Place(torch.device("cpu"), torch.float32))
    learner.ranks, before = Leader(rank=1, number=1), weights_of(learner)
    with pytest.raises(TrainingError, match=r"T16 .* process 2 has no batch for step 3"):
        follow(learner, nothing())
    after = weights_of(learner)
    assert all(np.array_equal(before[name], after[name]) for name in before)
