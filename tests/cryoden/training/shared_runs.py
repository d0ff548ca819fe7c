"""Runs of training by several processes, on processors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cryoden.compute.ranks import Ranks
from cryoden.compute.started_ranks import started
from cryoden.events.training import TrainingEvent
from cryoden.training.micrographs import train_on_micrographs
from cryoden.training.preview_request import RunControl
from tests.cryoden.training.short_runs import SCENES, settings


def events_of(chosen: dict[str, Any], ranks: Ranks) -> Iterator[TrainingEvent]:
    pairs = [known.pair for known in SCENES]
    control = RunControl(ranks=ranks)
    return train_on_micrographs(pairs, "noise2noise", settings(**chosen), control=control)


def follow(chosen: dict[str, Any], _: str, ranks: Ranks) -> None:
    assert not [event for event in events_of(chosen, ranks) if hasattr(event, "loss")]


def shared_run(processes: int, **chosen: Any) -> list[TrainingEvent]:
    """The events of the first process."""
    with started(follow, chosen, ["cpu"] * processes) as ranks:
        return list(events_of(chosen, ranks))
