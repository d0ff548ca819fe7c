from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cryoden.checkpoints.asked import folder_to_resume, how_to_resume, is_settled, merged
from cryoden.errors import SettingsError, TrainingError
from cryoden.settings.training import TrainingSettings
from tests.cryoden.checkpoints.interrupted import begun, halves, until


@pytest.fixture(scope="module")
def run(tmp_path_factory: Any) -> Path:
    folder = tmp_path_factory.mktemp("asked")
    until(begun(halves(folder / "halves"), folder / "a run"), 5)
    return Path(folder / "a run")


def folder(resume: str, run: Path | None = None, model: Path | None = None) -> Path | None:
    return folder_to_resume(resume, run, model, lambda _: None)


def test_a_run_is_resumed_where_it_lies_and_auto_where_it_is_there(run: Path) -> None:
    assert folder("") is None
    assert folder(str(run)) == folder(str(run), run) == folder("auto", run) == run
    assert folder("auto", run / "nowhere") is None


@pytest.mark.parametrize(
    ("resume", "run_too", "model"),
    [("auto", "", ""), ("runs/a", "runs/b", ""), ("runs/a", "", "m.safetensors")],
)
def test_choices_that_exclude_each_other_are_refused(resume: str, run_too: str, model: str) -> None:
    with pytest.raises(SettingsError, match="S03"):
        folder(resume, Path(run_too) if run_too else None, Path(model) if model else None)


def test_settings_that_are_not_given_are_those_of_the_run(run: Path) -> None:
    found = merged(run, TrainingSettings(epochs=9))
    assert (found.epochs, found.batch, found.network, found.device) == (9, 2, "baseline", "cpu")


def test_how_a_run_is_resumed_is_a_command_that_can_be_copied(run: Path) -> None:
    assert how_to_resume(run, "train") == f" To resume: cryoden train --resume '{run}'"
    assert how_to_resume(run / "nowhere", "train") == ""


def test_a_finished_run_is_no_error_where_a_job_was_put_back() -> None:
    finished, other = TrainingError("T18", None, "finished"), TrainingError("T17", None, "differs")
    assert is_settled(finished, "auto")
    assert not is_settled(finished, "run")
    assert not is_settled(other, "auto")
