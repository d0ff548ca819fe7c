from __future__ import annotations

from typing import Any

import pytest

from cryoden.errors import SettingsError
from cryoden.settings.workers import WorkerSettings


@pytest.mark.parametrize("text", ["", "all", "0", "0,1,2", "0:1", "0,1:2,3", "cuda:0,cuda:1"])
def test_lists_of_gpus_are_taken_as_they_are_written(text: str) -> None:
    assert WorkerSettings(devices=text).devices == text


@pytest.mark.parametrize("text", ["0,", ":", "one", "0;1", "-1", "all,0"])
def test_what_is_no_list_of_gpus_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="S01  devices = "):
        WorkerSettings(devices=text)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"cluster": "f", "workers": 2}, "--workers and --cluster were given"),
        ({"scheduler": "tcp://a:1", "scheduler_file": "f"}, "--scheduler and --scheduler-file were given"),
        ({"jobs": 8}, "--jobs was given without --cluster"),
    ],
)
def test_workers_are_in_one_place_or_the_settings_are_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=f"S03  {words}"):
        WorkerSettings(**given)
