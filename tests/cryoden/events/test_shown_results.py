from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from cryoden.events.batch import BatchEvent, FileFinished, FileSkipped, FileStarted
from cryoden.events.shown_results import MOST, ShownResults


def result(number: int) -> FileFinished:
    return FileFinished(Path(f"{number}.mrc"), Path(f"{number}_denoised.mrc"), 1.0, ())


@pytest.mark.parametrize("count", [0, 1, MOST, 2 * MOST + 1, 5_000])
def test_a_few_results_stand_for_all_from_the_first_to_nearly_the_last(count: int) -> None:
    shown = ShownResults()
    list(shown.passed(result(number) for number in range(count)))
    numbers = [int(one.path.stem) for one in shown.results]
    assert (shown.count, len(numbers)) == (count, min(count, MOST))
    assert numbers == sorted(set(numbers))
    if count:
        gaps = [after - before for before, after in pairwise(numbers)]
        assert numbers[0] == 0
        assert count - numbers[-1] <= 3 * count / MOST + 1
        assert not gaps or max(gaps) <= 2 * min(gaps)


def test_what_was_done_before_is_shown_and_what_is_no_result_is_not() -> None:
    shown, before = ShownResults(), FileSkipped(Path("a"), Path("b"))
    events: list[BatchEvent] = [FileStarted(Path("a"), 0, 1), before]
    assert list(shown.passed(events)) == events
    assert shown.results == [before]
    assert shown.words == "1 results"
