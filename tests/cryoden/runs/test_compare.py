"""Runs of this program beside runs that files describe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cryoden.cli import main
from cryoden.errors import RunError
from cryoden.events.snr_gain import IN_DB, gains_of
from cryoden.events.training import EpochFinished
from cryoden.runs.compare import courses, found, opened
from cryoden.runs.external import SHIPPED, shipped
from cryoden.runs.folder import RunFolder
from cryoden.runs.keeper import kept_in
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


def described(**changes: Any) -> str:
    return json.dumps(
        {"format": "cryoden-described-1", "name": "right", "initial_loss": 1, "epoch_losses": [0.5]} | changes
    )


WRONG = {
    "list.json": "[1, 2]",
    "word.json": described(epoch_losses=["low"]),
    "nested.json": described(epoch_losses={"a": 1}),
    "seconds.json": described(epoch_seconds="2"),
    "special.json": described(special=[3]),
    "empty.csv": "",
    "binary.csv": "\0\1",
    "words.csv": "step,loss\n1,high\n",
}


@pytest.mark.parametrize("name", WRONG)
def test_one_wrong_description_hides_no_other_run(tmp_path: Path, name: str) -> None:
    (tmp_path / "right.json").write_text(described())
    (tmp_path / name).write_text(WRONG[name])
    assert [run.name for run in found(tmp_path)] == ["right"]
    with pytest.raises(RunError, match=r"R0[23]  .*"):
        opened(tmp_path / name)


@pytest.mark.parametrize("change", [{"best": [1]}, {"steps": None}, {"last": 3}, {"seconds": "long"}])
def test_one_damaged_record_hides_no_other_run(tmp_path: Path, change: dict[str, object]) -> None:
    for name in ("right", "wrong"):
        list(kept_in(RunFolder(tmp_path / name), runs.events(1)))
    record = RunFolder(tmp_path / "wrong").record
    record.write_text(json.dumps(json.loads(record.read_text()) | change))
    assert [run.name for run in found(tmp_path)] == ["right"]


def test_runs_on_halves_are_compared_by_their_snr_gain_and_with_others_by_the_loss(
    run: Path, log: Path, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        list(kept_in(RunFolder(tmp_path / name), runs.events(5, banded=True)))
    both, older = [opened(tmp_path / name) for name in ("one", "two")], opened(run)
    label, found_courses = courses(both)
    assert label == IN_DB
    epochs = [event for event in runs.events(5, banded=True) if isinstance(event, EpochFinished)]
    gains = [gain for _, gain in gains_of(runs.BANDED, epochs)]
    assert [list(course[1]) for _, course in found_courses] == [pytest.approx(gains)] * 2
    assert both[0].gain == pytest.approx(max(gains))
    assert both[0].band == pytest.approx(epochs[-1].quality.band)
    for others in (older, opened(log)):
        assert courses([*both, others])[0] == "loss"
        assert others.band is others.gain is None
    assert courses([])[1] == []
