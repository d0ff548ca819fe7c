from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from cryoden.evaluation import json_file
from cryoden.events.quality import Coverage
from tests.cryoden.evaluation.planted import (
    finished,
)


def test_figures_survive_the_way_to_disk_and_back(tmp_path: Path) -> None:
    table = finished().table
    covered = replace(table.rows[-1], coverage={"m1": Coverage(0.25, "It is covered.")})
    table = replace(table, rows=(*table.rows[:-1], covered))
    json_file.write(table, tmp_path / "a.json")
    assert json_file.load(tmp_path / "a.json") == table


def test_figures_of_a_version_that_knew_no_coverage_are_read() -> None:
    values = finished().table.as_json()
    for row in values["rows"]:
        del row["coverage"]
    assert json_file.table_of(json.loads(json.dumps(values))) == finished().table
