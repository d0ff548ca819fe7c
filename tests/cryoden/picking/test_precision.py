from __future__ import annotations

import numpy as np
import pytest

from cryoden.micrograph import Array
from cryoden.picking.precision import by_chance, detection, matches, within

KNOWN = np.array([[10.0, 10.0], [50.0, 50.0]])
NOTHING = np.array([[100.0, 100.0]])


def quality(places: Array, known: Array = KNOWN, reach: float = 5.0) -> float:
    return detection(matches(places, known, reach), len(known)).average_precision


def test_perfect_picks_have_an_average_precision_and_a_recall_of_1() -> None:
    found = detection(matches(KNOWN + 1, KNOWN, 5), 2)
    assert (found.average_precision, found.recall, found.found) == (1, 1, 1)


def test_precision_is_read_at_each_particle_that_is_found_and_0_at_the_others() -> None:
    assert quality(np.concatenate([NOTHING, KNOWN])) == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert quality(np.concatenate([KNOWN[:1], KNOWN[:1], KNOWN[1:]])) == pytest.approx(5 / 6)
    assert quality(KNOWN[:1]) == 0.5
    assert quality(KNOWN[:0]) == 0


def test_false_picks_behind_all_true_ones_cost_nothing() -> None:
    assert quality(np.concatenate([KNOWN, np.repeat(NOTHING, 50, axis=0)])) == 1


def test_recall_counts_as_many_picks_as_there_are_particles() -> None:
    found = detection(matches(np.concatenate([KNOWN[:1], NOTHING, KNOWN[1:]]), KNOWN, 5), 2)
    assert (found.recall, found.found) == (0.5, 1.0)


def test_a_pick_takes_the_nearest_particle_that_is_free() -> None:
    near = np.array([[0.0, 0.0], [0.0, 6.0]])
    assert matches(np.array([[0.0, 3.1], [0.0, 2.0]]), near, 4).all()
    assert matches(np.array([[0.0, 0.0], [0.0, 0.1]]), near, 4).tolist() == [True, False]


def test_random_picks_are_as_good_as_a_simulation_of_chance_says() -> None:
    """A place is at one of k particles with a chance of k π r² over the area, and so is each of many."""
    numbers = np.random.default_rng(1)
    known = numbers.uniform(20, 980, (60, 2))
    chance = by_chance(known, (1000, 1000), 20, 15, 200)
    share = 60 * np.pi * 15**2 / 960**2
    assert chance.recall == pytest.approx(share * (1 - share / 2), rel=0.6)
    assert chance.average_precision < 0.08
    assert 0 < chance.average_precision < chance.found
    random = [quality(numbers.uniform(20, 980, (200, 2)), known, 15) for _ in range(20)]
    assert np.mean(random) == pytest.approx(chance.average_precision, abs=0.02)


def test_without_known_particles_there_is_no_precision() -> None:
    assert np.isnan(detection(np.zeros(3, bool), 0).average_precision)


def test_places_at_the_border_are_left_out() -> None:
    inside = within(np.array([[5.0, 5.0], [1.0, 50.0], [94.4, 94.4], [94.6, 50.0]]), (100, 100), 5)
    assert inside.tolist() == [True, False, True, False]
