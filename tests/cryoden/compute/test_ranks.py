"""Processes that compute together: what they share, and what is said when one of them ends."""

from __future__ import annotations

import pytest
import torch

from cryoden.compute import ranks as module
from cryoden.compute.ranks import ALONE, given
from cryoden.compute.started_ranks import started
from tests.cryoden.compute import followed
from tests.cryoden.compute.followed import CPU


def test_sums_are_of_all_processes_and_what_the_first_says_the_others_hear() -> None:
    with started(followed.add, 2.5, ["cpu"] * 3) as ranks, ranks.together(CPU):
        assert ranks.share == (0, 3)
        assert ranks.leads
        ranks.say(2.5, 7.0)
        values = torch.arange(3.0)
        ranks.add_up(values)
        assert values.tolist() == [30.0, 33.0, 36.0]
        arrays = {"a": torch.zeros(2).numpy()}
        assert ranks.agreed(arrays)["a"].tolist() == [0.0, 0.0]
        ranks.part()


def test_one_process_alone_has_nobody_to_talk_to() -> None:
    with ALONE.together(CPU):
        ALONE.say(1.0)
    assert ALONE.share == (0, 1)


def test_torchrun_says_which_process_this_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in module.GIVEN:
        monkeypatch.delenv(name, raising=False)
    assert given() is ALONE
    for name, value in zip(module.GIVEN, ("2", "4", "localhost", "29500"), strict=True):
        monkeypatch.setenv(name, value)
    assert given().share == (2, 4)
