"""Pipes of events end together: what goes wrong while one is closed is heard, and not lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Event = TypeVar("Event")
Last = TypeVar("Last")


@contextmanager
def closed(events: Iterable[Event]) -> Iterator[Iterable[Event]]:
    """Close a generator where the block ends, whoever stopped asking it, and raise what that raises.

    A generator that is only dropped is closed by the interpreter, which prints an error and goes on
    as if nothing had happened.
    """
    try:
        yield events
    finally:
        close = getattr(events, "close", None)  # a list has none
        if close is not None:
            close()


def ended(events: Iterable[object], kind: type[Last]) -> Last:
    """Ask for all events, close what they come from, and return the last one of a kind."""
    found: Last | None = None
    with closed(events):
        for event in events:
            found = event if isinstance(event, kind) else found
    assert found is not None  # noqa: S101  what is asked to its end says how it ended
    return found
