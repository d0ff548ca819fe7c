from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cryoden.browsing.exposure_list import Exposure
from cryoden.browsing.kept_pictures import Choices, Kept, Shown, kept_pictures
from cryoden.browsing.requests import Requests, Task
from cryoden.micrograph import Micrograph

CHOICES = Choices(Path("model.safetensors"))
EXPOSURES = [Exposure(f"m{number}") for number in range(6)]
PICTURE = Shown(Micrograph(np.zeros((8, 8), np.float32), 1.0, "m"))


@pytest.fixture
def kept() -> Kept:
    return kept_pictures()


@pytest.fixture
def requests(kept: Kept) -> Requests:
    return Requests(kept)


def given(requests: Requests) -> list[str]:
    """Return all that is asked for, in order."""
    found = []
    while (task := requests.next(0.0)) is not None:
        found.append(f"{task.exposure.name} {task.stage}")
    return found


def test_what_is_looked_at_comes_first_with_its_preview_and_thumbnails_come_last(requests: Requests) -> None:
    requests.want_thumbnails(EXPOSURES[4:], CHOICES)
    requests.look(EXPOSURES[:3], CHOICES)
    assert given(requests) == [
        "m0 raw", "m0 preview", "m0 denoised", "m1 raw", "m1 denoised", "m2 raw", "m2 denoised",
        "m4 thumbnail", "m5 thumbnail",
    ]  # fmt: skip


def test_what_is_kept_is_not_made_again_nor_its_preview(requests: Requests, kept: Kept) -> None:
    kept.put(Task(EXPOSURES[1], "raw", CHOICES).key, PICTURE)
    kept.put(Task(EXPOSURES[1], "denoised", CHOICES).key, PICTURE)
    requests.look(EXPOSURES[1:3], CHOICES)
    assert given(requests) == ["m2 raw", "m2 denoised"]


def test_what_cannot_be_made_is_not_tried_again(requests: Requests) -> None:
    requests.look(EXPOSURES[:1], CHOICES)
    task = requests.next(0.0)
    assert task is not None
    requests.fail(task)
    requests.look(EXPOSURES[:1], CHOICES)
    assert given(requests) == ["m0 preview", "m0 denoised"]


def test_what_is_left_behind_is_not_wanted_any_more(requests: Requests) -> None:
    requests.look(EXPOSURES[:2], CHOICES)
    task = requests.next(0.0)
    assert task is not None
    assert requests.is_wanted(task)
    requests.look(EXPOSURES[3:5], CHOICES)
    assert not requests.is_wanted(task)


def test_work_ahead_gives_way_to_what_is_looked_at_and_is_done_later(requests: Requests) -> None:
    requests.look(EXPOSURES[:2], CHOICES)
    *_, ahead = [requests.next(0.0) for _ in range(5)]
    assert ahead == Task(EXPOSURES[1], "denoised", CHOICES)
    requests.look([EXPOSURES[2], EXPOSURES[1]], CHOICES)
    assert not requests.is_wanted(ahead)
    requests.give_back(ahead)
    assert given(requests)[-1] == "m1 denoised"


def test_what_was_begun_ahead_is_finished_when_one_comes_to_it(requests: Requests) -> None:
    requests.look(EXPOSURES[:2], CHOICES)
    *_, ahead = [requests.next(0.0) for _ in range(5)]
    assert ahead is not None
    requests.look(EXPOSURES[1:3], CHOICES)
    assert requests.is_wanted(ahead)


def test_a_thumbnail_gives_way_to_anything_else(requests: Requests) -> None:
    requests.want_thumbnails(EXPOSURES[:2], CHOICES)
    task = requests.next(0.0)
    assert task is not None
    assert requests.is_wanted(task)
    requests.look(EXPOSURES[3:4], CHOICES)
    assert not requests.is_wanted(task)
