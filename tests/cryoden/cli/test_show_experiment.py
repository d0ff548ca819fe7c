from __future__ import annotations

import json
from pathlib import Path

import pytest

from cryoden.cli.main import main
from cryoden.compute.ranks import GIVEN
from cryoden.io import mrc
from tests.cryoden.experiment.patch_sets import made
from tests.cryoden.scenes import scene


def test_the_experiment_is_not_run_by_several_processes_of_torchrun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in zip(GIVEN, ("1", "2", "localhost", "29500"), strict=True):
        monkeypatch.setenv(name, value)
    assert main(["baseline", str(tmp_path), "--run", str(tmp_path / "run")]) == 2
    assert "S03  the baseline experiment runs on one GPU" in capsys.readouterr().err


def test_info_tells_sizes_in_words_and_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed in (1, 2):
        mrc.write(tmp_path / f"m{seed}.mrc", scene(seed).even.data, pixel_size=1.5, label="made for a test")
    micrographs, tmp_path = tmp_path, tmp_path / "pairs"
    made(micrographs, tmp_path)
    assert main(["patches", "info", str(tmp_path)]) == 0
    words = capsys.readouterr().out
    for told in ("12 of 64 × 64 px", "2 micrographs", "393.22 kB in 3 files, float32", "32.77 kB a pair"):
        assert told in words
    assert main(["patches", "info", str(tmp_path), "--json"]) == 0
    known = json.loads(capsys.readouterr().out)
    assert (known["pairs"], known["bytes"], known["bytes_per_epoch"]) == (12, 393_216, 393_216)
    assert [scale["offset"] for scale in known["scales"]] == [0, 0]
