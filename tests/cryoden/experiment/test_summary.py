from __future__ import annotations

import json
from pathlib import Path

import pytest

from cryoden.cli.main import main
from tests.cryoden.experiment.patch_sets import made


def test_info_tells_sizes_in_words_and_in_json(
    micrographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(micrographs, tmp_path)
    assert main(["patches", "info", str(tmp_path)]) == 0
    words = capsys.readouterr().out
    for told in ("12 of 64 × 64 px", "2 micrographs", "393.22 kB in 3 files, float32", "32.77 kB a pair"):
        assert told in words
    assert main(["patches", "info", str(tmp_path), "--json"]) == 0
    known = json.loads(capsys.readouterr().out)
    assert (known["pairs"], known["bytes"], known["bytes_per_epoch"]) == (12, 393_216, 393_216)
    assert [scale["offset"] for scale in known["scales"]] == [0, 0]
