from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cryoden.cli.main import main
from cryoden.cli.show_evaluation import follow
from cryoden.evaluation.json_file import table_of
from tests.cryoden.evaluation.planted import (
    finished,
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


@pytest.mark.parametrize("name", ["dreams", "a_model_with_a_long_name"])
def test_on_80_columns_all_headings_and_figures_are_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    ended = finished()
    rows = [replace(row, name=name) if row.name == "dreams" else row for row in ended.table.rows]
    follow([replace(ended, table=replace(ended.table, rows=tuple(rows)))], as_json=False)
    table = capsys.readouterr().out.split("half-set pair")[0]
    assert "…" not in table
    assert max(map(len, table.splitlines())) <= 80
    for word in ("calibra-", "tion", "halluci-", "nated", "noise", "(truth)", "(s)"):
        assert word in table
