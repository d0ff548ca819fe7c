"""Runs of this program beside runs that files describe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cryoden.cli import main
from cryoden.runs.compare import found, opened
from cryoden.runs.external import SHIPPED, shipped
from cryoden.runs.folder import RunFolder, kept_in
from tests.napari_cryoden import runs


@pytest.fixture
def run(tmp_path: Path) -> Path:
    list(kept_in(RunFolder(tmp_path / "mine"), runs.events(5)))
    return tmp_path / "mine"


def test_a_run_folder_and_a_described_run_have_the_same_figures(run: Path, log: Path) -> None:
    mine, other = opened(run), opened(log)
    assert (mine.name, other.name) == ("mine", "Fortran")
    assert mine.final == pytest.approx(0.979)
    assert other.initial == pytest.approx(0.4301, rel=1e-3)
    assert other.batches == pytest.approx(1 / 0.07, rel=1e-3)
    assert other.images == pytest.approx(4 / 0.07, rel=1e-3)
    assert other.state == "measured"
    assert len(mine.curve()[1]) == 50


@pytest.mark.parametrize("name", SHIPPED)
def test_the_runs_that_come_with_the_program_are_marked_as_reported(name: str) -> None:
    assert opened(name).state == "reported"
    assert json.loads(shipped(name).read_text())["reported"] is True


def test_runs_and_descriptions_in_a_folder_are_found_and_damaged_ones_left_out(
    run: Path, log: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "other.json").write_text('{"format": "something else"}')
    assert [one.name for one in found(tmp_path)] == [run.name, "Fortran"]
    assert log.is_file()


def test_the_command_line_compares_and_says_when_a_target_is_missed(
    run: Path, log: Path, tmp_path: Path, capsys: Any
) -> None:
    page = tmp_path / "page.html"
    assert (
        main.main(["compare", str(log), "experiment", "--against", "experiment", "--report", str(page)]) == 0
    )
    assert "✔ passed" in capsys.readouterr().out
    text = page.read_text()
    assert "data:image/png;base64," in text
    assert "Reported numbers were not measured here" in text
    asked = ["compare", str(run), "experiment", "--against", "experiment"]
    assert main.main(asked) == 3
    assert "✘ failed" in capsys.readouterr().out


def test_the_comparison_is_told_to_machines_line_by_line(log: Path, capsys: Any) -> None:
    assert main.main(["compare", str(log), "--against", "experiment", "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["event"] for one in told] == ["run", "target", "target"]
    assert told[1]["passed"] is True
