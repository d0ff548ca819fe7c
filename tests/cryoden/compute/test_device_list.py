from __future__ import annotations

import pytest
import torch

from cryoden.compute.device_list import device_list
from cryoden.errors import SettingsError


@pytest.fixture
def four_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)


@pytest.mark.usefixtures("four_gpus")
@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("all", "0123"), ("2", "2"), ("0,1,2", "012"), ("0:1", "01"), ("3:1", "31"), ("0,1:2,3", "0123"),
        ("0:0:1:1", "01"), ("cuda:1,cuda:3", "13"), ("0, 1", "01"),
    ],
)  # fmt: skip
def test_a_list_names_gpus_with_commas_or_as_relion_does_with_colons(text: str, numbers: str) -> None:
    assert device_list(text) == tuple(f"cuda:{number}" for number in numbers)


@pytest.mark.usefixtures("four_gpus")
def test_a_gpu_that_is_not_there_is_refused_with_those_that_are() -> None:
    words = r"S02  device = cuda:9 is not there \(found: cuda:0, .*cuda:3, .*cpu\)\. .* or all"
    with pytest.raises(SettingsError, match=words):
        device_list("0,9")


def test_all_without_a_gpu_names_the_way_to_use_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cryoden.compute.devices.found", lambda: ["cpu"])
    with pytest.raises(SettingsError, match=r"S02  devices = all, .*--workers"):
        device_list("all")
