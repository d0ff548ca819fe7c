from __future__ import annotations

from itertools import islice

import pytest

from cryoden.training.plan import Plan


def test_a_plan_of_epochs_has_so_many_steps_and_one_of_minutes_goes_on() -> None:
    assert list(Plan(3, epochs=2).steps()) == [(1, 1), (1, 2), (1, 3), (2, 4), (2, 5), (2, 6)]
    endless = Plan(3, minutes=1.0)
    assert list(islice(endless.steps(), 6, 8)) == [(3, 7), (3, 8)]
    assert (endless.seconds, Plan(3, epochs=2, minutes=1.0).seconds) == (60, 0)


def test_progress_follows_steps_or_the_clock_and_ends_at_one() -> None:
    by_epochs, by_minutes = Plan(4, epochs=2), Plan(4, minutes=0.5)
    assert [by_epochs.share_done(step, 1e6) for step in (0, 2, 8, 9)] == [0, 0.25, 1, 1]
    assert [by_minutes.share_done(99, elapsed) for elapsed in (0.0, 15.0, 30.0, 31.0)] == [0, 0.5, 1, 1]


def test_a_cosine_comes_down_to_zero_and_a_constant_rate_stays() -> None:
    cosine = Plan(1, epochs=1, schedule="cosine")
    assert [cosine.factor(share) for share in (0.0, 0.5, 1.0)] == pytest.approx([1, 0.5, 0])
    assert Plan(1, epochs=1).factor(0.7) == 1
