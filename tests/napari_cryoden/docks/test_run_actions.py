from __future__ import annotations

import json
from pathlib import Path

import pytest

from cryoden.runs.compare import RunSummary, opened
from cryoden.runs.folder import RunFolder
from cryoden.runs.keeper import kept_in
from cryoden.runs.reservation import reclaim
from napari_cryoden.docks.run_actions import (
    OTHERS,
    about,
    no_model,
    no_report,
    no_settings,
    not_one,
    not_resumed,
)
from tests.napari_cryoden import runs


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "run")


def left(folder: RunFolder, state: str) -> RunSummary:
    """Return a run that stands so."""
    list(kept_in(folder, runs.events(1)))
    about_it = json.loads(folder.record.read_text())
    folder.record.write_text(json.dumps(about_it | {"state": state, "message": "It stopped"}))
    return opened(folder.path)


def test_a_stopped_run_is_resumed_where_it_has_a_checkpoint_and_no_other_runs(folder: RunFolder) -> None:
    run = left(folder, "stopped")
    assert not_resumed(run, is_busy=False) == "It has no checkpoint"
    folder.checkpoints.mkdir()
    (folder.checkpoints / "step-000000003.safetensors").touch()
    assert not_resumed(run, is_busy=False) == ""
    assert "active in this window" in not_resumed(run, is_busy=True)


def test_a_run_that_lives_or_is_over_is_not_resumed(folder: RunFolder) -> None:
    assert "It is finished" in not_resumed(left(folder, "completed"), is_busy=False)
    about_it = json.loads(folder.record.read_text())
    folder.record.write_text(json.dumps(about_it | {"state": "running"}))
    with reclaim(folder.path):  # as long as it runs
        assert not_resumed(opened(folder.path), is_busy=False) == "It is running"


def test_what_is_no_run_of_this_program_has_neither_model_nor_settings() -> None:
    other = opened("experiment")
    assert (
        no_model(other)
        == no_settings(other)
        == no_report(other)
        == not_resumed(other, is_busy=False)
        == OTHERS
    )
    assert not_one(None) == "Select one run"


def test_a_run_is_described_by_when_where_and_how_it_ended(folder: RunFolder) -> None:
    run = left(folder, "stopped")
    assert "CPU. It stopped" in about(run)
    assert no_settings(run) == no_model(run) == ""
    assert "cryoden report writes one" in no_report(run)
