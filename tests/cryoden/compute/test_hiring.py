from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from cryoden.compute import hiring
from cryoden.compute.hiring import hired, local, sharing_gpus
from cryoden.errors import CryodenError, SettingsError
from cryoden.settings.workers import WorkerSettings


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize(
    ("given", "places"),
    [
        ({}, ("auto",)), ({"devices": "all"}, ("cuda:0", "cuda:1")), ({"devices": "1"}, ("cuda:1",)),
        ({"devices": "0,1", "workers": 2}, ("cuda:0", "cuda:1") * 2),
        ({"workers": 3}, ("cpu",) * 3), ({"scheduler": "tcp://a:1"}, ()), ({"cluster": "a.yaml"}, ()),
    ],
)  # fmt: skip
def test_settings_say_on_which_devices_of_this_machine_to_work(
    given: dict[str, Any], places: tuple[str, ...]
) -> None:
    assert local(WorkerSettings(**given), "auto") == places


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize(("given", "device"), [({"devices": "0,1"}, "cuda:1"), ({"workers": 2}, "cuda")])
def test_two_ways_to_say_where_to_compute_are_refused(given: dict[str, Any], device: str) -> None:
    with pytest.raises(SettingsError, match=f"S03  .* and --device {device} were given"):
        local(WorkerSettings(**given), device)


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize(
    ("given", "gigabytes", "processors", "main", "each"),
    [
        ({"devices": "all"}, 80, 32, 128, 2),
        ({"devices": "all"}, 24, 32, 128, 0),  # has no room for what two processes keep
        ({"devices": "all"}, 80, 12, 128, 0),  # a process more would only wait
        ({"devices": "all"}, 80, 32, 24, 0),
        ({"devices": "all", "workers": 1}, 80, 32, 128, 1),
        ({"devices": "0"}, 80, 32, 128, 0),
        ({"workers": 4}, 80, 32, 128, 4),
    ],
)
def test_several_gpus_have_two_processes_each_where_there_is_room_unless_their_number_is_said(
    monkeypatch: pytest.MonkeyPatch,
    given: dict[str, Any],
    gigabytes: int,
    processors: int,
    main: int,
    each: int,
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(uuid="1"))
    monkeypatch.setattr(hiring, "shared_memory", lambda _: gigabytes << 30)
    monkeypatch.setattr(hiring, "cores", lambda: processors)
    monkeypatch.setattr(hiring, "free_main_memory", lambda: main << 30)
    assert sharing_gpus(WorkerSettings(**given)).workers == each


def test_without_dask_the_way_to_install_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cryoden.compute.hiring.NEEDED", ("cluster_of_nobody",))
    words = "S06  cluster_of_nobody is needed .* pip install 'napari-cryoden[cluster]'"
    with (
        pytest.raises(SettingsError, match=words.replace("[", r"\[")),
        hired(WorkerSettings(workers=2), "auto"),
    ):
        pass


@pytest.mark.parametrize("text", [None, "", "{}", json.dumps({"address": "tcp://127.0.0.1:1"})])
def test_a_scheduler_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    pytest.importorskip("distributed", reason="needs the extra [cluster]")
    monkeypatch.setattr(hiring, "CONNECTED", 0.3)
    file = tmp_path / "scheduler.json"
    if text is not None:
        file.write_text(text)
    asked = WorkerSettings(scheduler_file=str(file))
    words = rf"C01  {re.escape(str(file))} — no Dask scheduler answers: .+ Start it with"
    with pytest.raises(CryodenError, match=words), hired(asked, "auto"):
        pass
