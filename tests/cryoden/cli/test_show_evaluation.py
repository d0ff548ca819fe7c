from __future__ import annotations

import json
from pathlib import Path

import pytest

from cryoden.cli.main import main
from cryoden.evaluation.json_file import table_of
from tests.cryoden.evaluation.planted import (
    halves_of,
    subject,
    write,
)


def test_json_says_how_each_method_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for half in (*halves_of(subject(1, 256)), *halves_of(subject(2, 256))):
        write(tmp_path / f"{half.name}.mrc", half.data)
    assert main(["evaluate", str(tmp_path), "--json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["event"] for event in events] == [
        "EvaluationStarted",
        *["MethodScored"] * 22,
        "EvaluationFinished",
    ]
    table = table_of(events[-1])
    assert table.raw.mean.noise_left == pytest.approx(1)
    former = json.loads(json.dumps(events[-1]).replace('"hallucinated"', '"invented"'))
    assert table_of(former) == table, "numbers written by version 0.1 are read"
    assert {event["method"] for event in events[1:-1]} == {row["name"] for row in events[-1]["rows"]}
