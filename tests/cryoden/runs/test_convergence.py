from __future__ import annotations

import math

import numpy as np
import pytest

from cryoden.runs.convergence import assess_convergence

FALL = 0.013 + 0.43 * np.exp(-np.arange(2000) / 150)


def noisy(curve: np.ndarray, share: float) -> np.ndarray:
    return curve * np.random.default_rng(1).normal(1, share, len(curve))


def test_a_curve_that_falls_and_levels_off_is_smooth_stable_and_done() -> None:
    found = assess_convergence(noisy(FALL, 0.05))
    assert (found.smooth, found.stable, found.improving, found.diverged) == (True, True, False, False)
    assert found.factor == pytest.approx(0.39 / 0.013, rel=0.1)


def test_a_curve_that_still_falls_is_told() -> None:
    assert assess_convergence(noisy(0.44 * np.exp(-np.arange(2000) / 1500), 0.02)).improving


def test_a_bump_half_way_is_not_smooth() -> None:
    bumped = FALL.copy()
    bumped[1000:1100] += 0.2
    assert not assess_convergence(bumped).smooth
    assert "not smooth" in assess_convergence(bumped).words()


def test_steps_that_scatter_as_much_as_their_mean_are_unstable() -> None:
    assert not assess_convergence(np.random.default_rng(2).exponential(0.1, 2000)).stable


@pytest.mark.parametrize("end", [5.0, math.nan, math.inf])
def test_a_loss_that_runs_away_has_diverged(end: float) -> None:
    losses = [*FALL, *[end] * 100]
    assert assess_convergence(losses).diverged
    assert assess_convergence(losses).words() == "diverged"
