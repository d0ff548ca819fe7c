"""What other processes do in tests; they are found by name."""

from __future__ import annotations

import os
from threading import Event

import torch

from cryoden.compute.ranks import Ranks

CPU = torch.device("cpu")


def add(request: float, _: str, ranks: Ranks) -> None:
    """Add a number of its own to what the others give, and take the first one's arrays."""
    with ranks.together(CPU):
        assert ranks.hear(2) == [request, 7.0]
        values = torch.arange(3.0) + 10 * ranks.rank
        ranks.add_up(values)
        given = {"a": torch.full((2,), float(ranks.rank)).numpy()}
        assert ranks.agreed(given)["a"].tolist() == [0.0, 0.0]
        ranks.part()


def fail(request: str, _: str, ranks: Ranks) -> None:
    """Fail before the processes have met."""
    del ranks
    raise ValueError(request)


def die(request: float, _: str, ranks: Ranks) -> None:
    """End without a word after so many sums."""
    with ranks.together(CPU):
        for _step in range(int(request)):
            ranks.add_up(torch.zeros(4))
        os._exit(9)


def wait(request: None, _: str, ranks: Ranks) -> None:
    """Be there, and do nothing without end."""
    with ranks.together(CPU):
        Event().wait(request)
