from __future__ import annotations

from pathlib import Path

from cryoden.runs.compare import opened
from cryoden.runs.targets import Targets, reached


def test_targets_are_judged_with_their_numbers(log: Path) -> None:
    targets = Targets(opened("experiment"), within=10, batches=(12, 15))
    final, speed, smooth = reached(opened(log), targets)
    assert (final.passed, speed.passed, smooth.passed) == (True, True, True)
    assert "0.013 of experiment (reported)" in final.numbers
    assert speed.numbers == "14.3 batch/s"
    stricter = Targets(opened("experiment"), within=-50, batches=(20, 30))
    assert [one.passed for one in reached(opened(log), stricter)] == [False, False, True]


def test_what_is_not_known_is_neither_passed_nor_failed() -> None:
    climate = opened("climate")
    assert [one.passed for one in reached(climate, Targets(climate, batches=(1, 2)))] == [True, None, None]
