from __future__ import annotations

import json
from pathlib import Path

import pytest

from cryoden.cli.main import main
from tests.cryoden.scenes import scene, write_halves


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_halves(tmp_path, scene(1))
    (tmp_path / "m1_PS.mrc").write_bytes(b"a power spectrum")
    return tmp_path


def test_files_pairs_and_what_is_left_out_are_listed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", str(folder)]) == 0
    said = capsys.readouterr()
    assert "m1_EVN.mrc" in said.out
    assert "ready" in said.out
    assert "left out below folders: 1 × power spectrum or CTF fit" in said.err


def test_files_of_one_name_are_listed_with_their_folders(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    for grid in ("g1", "g2"):
        (folder / grid).mkdir()
        (folder / grid / "a.mrc").write_bytes((folder / "m1_EVN.mrc").read_bytes())
    assert main(["info", "."]) == 0
    named = [line.split()[0] for line in capsys.readouterr().out.splitlines() if "micrograph" in line]
    assert named == ["m1_EVN.mrc", "m1_ODD.mrc", "g1/a.mrc", "g2/a.mrc"]


def test_machines_get_one_object_a_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--json", str(folder)]) == 0
    kinds = [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()]
    assert kinds == ["file", "file", "pair"]


def test_a_folder_of_nothing_but_other_files_is_refused_with_what_they_are(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for half in folder.glob("*_[EO]*.mrc"):
        half.unlink()
    assert main(["info", str(folder)]) == 2
    assert "D01  0 micrographs in" in (said := capsys.readouterr().err)
    assert "1 × power spectrum" in said
