from __future__ import annotations

from pathlib import Path

from cryoden.evaluation import json_file
from tests.cryoden.evaluation.planted import (
    finished,
)


def test_figures_survive_the_way_to_disk_and_back(tmp_path: Path) -> None:
    json_file.write(finished().table, tmp_path / "a.json")
    assert json_file.load(tmp_path / "a.json") == finished().table
