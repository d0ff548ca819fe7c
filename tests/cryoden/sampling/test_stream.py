"""Pairs read ahead of the step: what arrives, in what memory, and how it ends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cryoden.sampling.source import Batch
from cryoden.sampling.stream import Stream
from tests.cryoden.training.numbered import CPU, Numbered, steps


def numbers(batch: Batch) -> list[int]:
    """Return which pairs a batch holds; all of their pixels say so."""
    found = batch.noisy[:, 0, 0, 0]
    assert (batch.noisy == found[:, None, None, None]).all()
    assert (batch.target == -found[:, None, None, None]).all()
    return [int(one) for one in found]


@pytest.mark.parametrize("threads", [1, 3, 40])
@pytest.mark.parametrize("size", [1, 4, 7])
def test_batches_hold_the_pairs_asked_for_in_order_and_the_last_may_be_smaller(
    size: int, threads: int
) -> None:
    stream = Stream(Numbered(100, size), threads, CPU)
    found = [numbers(one) for one in stream.batches(steps(-(-100 // size)))]
    assert found == [list(range(at, min(at + size, 100))) for at in range(0, 100, size)]


def test_the_shares_of_several_processes_are_together_the_batch() -> None:
    shares = [
        [numbers(batch) for batch in Stream(Numbered(100, 4), 2, CPU, share=(rank, 3)).batches(steps(25))]
        for rank in range(3)
    ]
    assert max(len(part) for parts in shares for part in parts) == 2
    for step, parts in enumerate(zip(*shares, strict=True)):
        assert sorted(number for part in parts for number in part) == list(range(4 * step, 4 * step + 4))


def test_a_batch_stays_as_it_is_until_the_next_but_one_is_asked_for() -> None:
    before: Batch | None = None
    for number, batch in enumerate(Stream(Numbered(400, 2), 3, CPU).batches(steps(200))):
        if before is not None:
            assert numbers(before) == [2 * number - 2, 2 * number - 1]
        assert numbers(batch) == [2 * number, 2 * number + 1]
        before = batch


def test_nothing_to_read_gives_no_batch_and_a_stream_serves_many_epochs() -> None:
    stream = Stream(Numbered(10, 4), 3, CPU)
    assert list(stream.batches(iter(()))) == []
    for epoch in (1, 2):
        found = [one for batch in stream.batches(steps(3, epoch)) for one in numbers(batch)]
        assert found == [1000 * (epoch - 1) + number for number in range(10)]


def test_an_error_in_what_is_asked_for_comes_after_the_batches_before_it() -> None:
    def asked() -> Iterator[tuple[int, int]]:
        yield 1, 1
        raise KeyError("no more")

    batches = Stream(Numbered(10, 4), 3, CPU).batches(asked())
    assert numbers(next(batches)) == [0, 1, 2, 3]
    with pytest.raises(KeyError):
        next(batches)
