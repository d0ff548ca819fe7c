"""Processes started on this machine: how they end, and what is said of it."""

from __future__ import annotations

import psutil
import pytest
import torch

from cryoden.compute.ranks import Ranks
from cryoden.compute.started_ranks import started
from cryoden.errors import TrainingError
from tests.cryoden.compute import followed
from tests.cryoden.compute.followed import CPU


def children() -> list[psutil.Process]:
    return [one for one in psutil.Process().children() if "spawn" in " ".join(one.cmdline())]


def test_processes_end_by_themselves_when_all_is_done() -> None:
    with started(followed.add, 2.5, ["cpu"] * 2) as ranks, ranks.together(CPU):
        ranks.say(2.5, 7.0)
        ranks.add_up(torch.zeros(3))
        ranks.agreed({"a": torch.zeros(2).numpy()})
        ranks.part()
    assert children() == []


def test_a_process_that_fails_is_reported_with_its_own_words() -> None:
    with (
        pytest.raises(TrainingError, match=r"T16  process 2 \(cpu\) ended: .*no such thing"),
        started(followed.fail, "no such thing", ["cpu"] * 2) as ranks,
        ranks.together(CPU),
    ):
        pass
    assert children() == []


def test_a_process_that_dies_in_a_sum_is_reported_and_the_others_are_ended() -> None:
    def added(ranks: Ranks) -> None:
        for _ in range(4):
            ranks.add_up(torch.zeros(4))

    with (
        pytest.raises(TrainingError, match=r"T16  process [23] \(cpu\) ended: exit status 9"),
        started(followed.die, 3, ["cpu"] * 3) as ranks,
        ranks.together(CPU),
    ):
        added(ranks)
    assert children() == []


def test_an_error_of_the_first_ends_the_others() -> None:
    with pytest.raises(KeyError), started(followed.wait, None, ["cpu"] * 2) as ranks, ranks.together(CPU):
        raise KeyError
    assert children() == []
