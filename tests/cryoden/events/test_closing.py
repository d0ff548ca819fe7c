from __future__ import annotations

from collections.abc import Iterator

import pytest

from cryoden.events.closing import closed, ended


def failing_at_its_end() -> Iterator[int]:
    try:
        yield 1
        yield 2
    finally:
        raise OSError("disk full")


def test_what_goes_wrong_while_a_pipe_is_closed_is_heard() -> None:
    def passed_on() -> Iterator[int]:
        with closed(failing_at_its_end()) as events:
            yield from (event + 1 for event in events)

    with pytest.raises(OSError, match="disk full"), closed(passed_on()) as events:
        assert next(iter(events)) == 2


def test_a_list_needs_no_closing() -> None:
    with closed([1, 2]) as events:
        assert list(events) == [1, 2]


def test_what_is_asked_to_its_end_says_how_it_ended_and_is_closed() -> None:
    assert ended(iter([1, "first", 2, "last", 3]), str) == "last"
    with pytest.raises(OSError, match="disk full"):
        ended(failing_at_its_end(), int)
