from __future__ import annotations

from pathlib import Path

import pytest

from cryoden.errors import RunError
from cryoden.runs.compare import opened
from cryoden.runs.external import SHIPPED


def test_the_two_reported_runs_tell_what_was_reported() -> None:
    experiment, climate = map(opened, SHIPPED)
    assert (experiment.initial, experiment.final, experiment.batches) == (0.44, 0.013, 14.05)
    assert experiment.seconds == 1072
    assert climate.improvement == pytest.approx(19, abs=0.5)
    assert climate.special == "ACC 0.9789"


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
