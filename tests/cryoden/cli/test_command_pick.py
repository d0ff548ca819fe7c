from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cryoden.cli.main import main
from cryoden.picking.star_picks import read_star
from tests.cryoden.picking.planted import DIAMETER, PLACES, discs, written
from tests.cryoden.picking.test_known_particles import coordinates


@pytest.fixture
def mics(tmp_path: Path) -> Path:
    (tmp_path / "mics").mkdir()
    written(tmp_path / "mics" / "m.mrc", discs(noise=1.0))
    return tmp_path / "mics"


def test_picks_are_written_and_counted(
    mics: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["pick", str(mics), "--output", str(tmp_path / "out"), "--diameter", str(DIAMETER)]
    assert main(asked) == 0
    assert f"{len(PLACES)} picks" in capsys.readouterr().err
    assert len(read_star(tmp_path / "out" / "m_autopick.star")[0]) == len(PLACES)
    assert main(asked) == 1
    assert main([*asked, "--overwrite"]) == 0


def test_bad_micrographs_and_questions_have_their_exit_status(
    mics: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (mics / "bad.mrc").write_bytes(b"junk")
    asked = ["pick", str(mics), "--output", str(tmp_path / "out"), "--diameter", str(DIAMETER)]
    assert main(asked) == 3
    assert main([*asked, "--denoised", "a", "--model", "general"]) == 2
    assert "S03" in capsys.readouterr().err


def test_known_particles_are_found_on_what_each_method_shows(
    mics: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picks = coordinates(tmp_path / "m.star")
    asked = ["evaluate", str(mics), "--picks", str(picks), "--diameter", str(DIAMETER)]
    figures = tmp_path / "t.json"
    assert main([*asked, "--figures", str(figures), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["event"] == "PickingEvaluated"
    rows = {row["method"]: row for row in json.loads(figures.read_text())["rows"]}
    assert rows["raw"]["average_precision"] == 1
    assert rows["general"]["average_precision"] > 0.9
    assert rows["random places"]["average_precision"] < 0.2
    assert main(asked) == 0
    assert "not that they are better particles" in " ".join(capsys.readouterr().out.split())
    assert main([*asked, "--truth", "clean"]) == 2
    mirrored = coordinates(tmp_path / "m.star", np.column_stack([399 - PLACES[:, 0], PLACES[:, 1]]))
    assert (
        main([*asked[:3], str(mirrored), *asked[4:], "--flip-y", "--figures", str(figures), "--overwrite"])
        == 0
    )
    rows = {row["method"]: row for row in json.loads(figures.read_text())["rows"]}
    assert rows["raw"]["average_precision"] == 1
