from __future__ import annotations

import pytest

from cryoden.settings.workers import WorkerSettings
from napari_cryoden.choices.workers import workers_of


@pytest.mark.parametrize(
    ("text", "workers"),
    [
        ("one, as set above", WorkerSettings()),
        ("", WorkerSettings()),
        ("all GPUs", WorkerSettings(devices="all")),
        ("0:1", WorkerSettings(devices="0:1")),
        ("cuda:0,cuda:1", WorkerSettings(devices="cuda:0,cuda:1")),
        ("3 processes on the CPU", WorkerSettings(workers=3)),
    ],
)
def test_several_devices_are_chosen_or_typed(text: str, workers: WorkerSettings) -> None:
    assert workers_of(text) == workers
