"""Runs of this program beside runs that files describe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cryoden.cli import main
from cryoden.errors import RunError
from cryoden.runs.compare import found, opened
from cryoden.runs.external import SHIPPED, shipped
from cryoden.runs.folder import RunFolder, kept_in
from cryoden.runs.targets import Targets, reached
from tests.napari_cryoden import runs


@pytest.fixture
def run(tmp_path: Path) -> Path:
    list(kept_in(RunFolder(tmp_path / "mine"), runs.events(5)))
    return tmp_path / "mine"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """What a program in another language might write."""
    rows = [f"{step},{0.013 + 0.43 * 0.97**step:.6f},{step * 0.07:.3f}" for step in range(1, 401)]
    head = ["# name: Fortran", "# hardware: one core", "# batch: 4", "# reported: false", "step,loss,seconds"]
    path = tmp_path / "fortran_log.csv"
    path.write_text("\n".join([*head, *rows]) + "\n")
    return path


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


def test_the_two_reported_runs_tell_what_was_reported() -> None:
    experiment, climate = map(opened, SHIPPED)
    assert (experiment.initial, experiment.final, experiment.batches) == (0.44, 0.013, 14.05)
    assert experiment.seconds == 1072
    assert climate.improvement == pytest.approx(19, abs=0.5)
    assert climate.special == "ACC 0.9789"


def test_targets_are_judged_with_their_numbers(log: Path) -> None:
    targets = Targets(opened("experiment"), within=10, batches=(12, 15))
    final, speed, smooth = reached(opened(log), targets)
    assert (final.passed, speed.passed, smooth.passed) == (True, True, True)
    assert "0.013 of experiment (reported)" in final.numbers
    assert speed.numbers == "14.3 batch/s"
    stricter = Targets(opened("experiment"), within=-50, batches=(20, 30))
    assert [one.passed for one in reached(opened(log), stricter)] == [False, False, True]


def test_what_is_not_known_is_neither_passed_nor_failed() -> None:
    climate = opened("climate")
    assert [one.passed for one in reached(climate, Targets(climate, batches=(1, 2)))] == [True, None, None]


def test_runs_and_descriptions_in_a_folder_are_found_and_damaged_ones_left_out(
    run: Path, log: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "other.json").write_text('{"format": "something else"}')
    assert [one.name for one in found(tmp_path)] == [run.name, "Fortran"]
    assert log.is_file()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "R02"),
        ("[1]", "R02"),
        ('{"format": "cryoden-described-1", "name": "x"}', "R02"),
        ('{"format": "cryoden-described-1", "initial_loss": 1, "epoch_losses": []}', "R02"),
        ('{"format": "cryoden-described-0", "initial_loss": 1, "epoch_losses": [1]}', "R03"),
    ],
)
def test_a_file_that_describes_no_run_is_told_in_one_line(tmp_path: Path, text: str, code: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(RunError, match=f"{code} .*x.json"):
        opened(path)


@pytest.mark.parametrize("text", ["step,loss\n1,many\n", "a,b\n1,2\n", "# name: x\nstep,loss\n"])
def test_a_table_without_losses_is_told_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(RunError, match=r"R02 .*x\.csv"):
        opened(tmp_path / "x.csv")


def test_a_file_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="R01"):
        opened(tmp_path / "none.json")


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


def test_the_comparison_as_markdown_has_its_picture_beside_it(log: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    assert main.main(["compare", str(log), "climate", "--report", str(page)]) == 0
    assert "![Loss by epoch](page_curves.png)" in page.read_text()
    assert (tmp_path / "page_curves.png").read_bytes().startswith(b"\x89PNG")


def test_the_comparison_is_told_to_machines_line_by_line(log: Path, capsys: Any) -> None:
    assert main.main(["compare", str(log), "--against", "experiment", "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["event"] for one in told] == ["run", "target", "target"]
    assert told[1]["passed"] is True
