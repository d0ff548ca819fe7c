from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject

from cryoden.browsing.decisions import Decision, Decisions
from napari_cryoden.browsing.deciding import Deciding


def test_what_another_viewer_decides_is_heard_of(tmp_path: Path, qtbot: Any) -> None:
    parent = QObject()
    deciding = Deciding(parent)
    deciding.keep_in(tmp_path / "d.jsonl")
    with qtbot.waitSignal(deciding.changed):
        Decisions(tmp_path / "d.jsonl").decide("a", "rejected")
    assert deciding.of("a") == Decision("rejected")
    assert deciding.words() == "0 accepted, 1 rejected"


def test_what_cannot_be_saved_is_said_and_not_decided(tmp_path: Path, qtbot: Any, notices: list[str]) -> None:  # noqa: ARG001
    parent = QObject()
    deciding = Deciding(parent)
    deciding.keep_in(tmp_path / "none" / "d.jsonl")
    assert not deciding.decide("a", "accepted")
    assert deciding.of("a") == Decision()
    assert any("could not be saved" in notice for notice in notices)


def test_a_file_of_something_else_keeps_no_decisions(tmp_path: Path, qtbot: Any, notices: list[str]) -> None:  # noqa: ARG001
    parent = QObject()
    deciding = Deciding(parent)
    (tmp_path / "notes.txt").write_text("mine")
    deciding.keep_in(tmp_path / "notes.txt")
    assert not deciding.decide("a", "accepted")
    assert deciding.undo() is None
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert deciding.words() == "decisions cannot be saved"
    assert len(notices) == 1
