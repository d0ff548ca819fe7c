from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cryoden.errors import OutputError, PatchFileError
from cryoden.experiment.build import build
from cryoden.experiment.build_lock import claimed
from cryoden.experiment.data_source import PairSource, patch_pairs
from cryoden.io import mrc
from cryoden.settings.baseline import PatchSettings
from tests.cryoden.experiment.patch_sets import digests, made


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize("chosen", [{"noise_seed": 1}, {"gaussian": 0.1}, {"stride": 32}, {"shard": 6}])
def test_other_settings_are_not_written_into_a_folder_that_is_taken(
    micrographs: Path, tmp_path: Path, finished: bool, chosen: dict[str, Any]
) -> None:
    made(micrographs, tmp_path)
    if not finished:
        (tmp_path / "index.json").rename(tmp_path / "plan.json")
    before = digests(tmp_path)
    with pytest.raises(PatchFileError, match=r"Q05 .*other micrographs or settings"):
        made(micrographs, tmp_path, **chosen)
    assert digests(tmp_path) == before


def test_pairs_that_nothing_is_known_of_are_not_taken_for_ones_own(micrographs: Path, tmp_path: Path) -> None:
    made(micrographs, tmp_path)
    (tmp_path / "index.json").unlink()
    with pytest.raises(PatchFileError, match=r"Q05 .*neither index nor plan"):
        made(micrographs, tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="folders cannot be locked")
def test_one_process_builds_in_a_folder_at_a_time(micrographs: Path, tmp_path: Path) -> None:
    with claimed(tmp_path), pytest.raises(PatchFileError, match=r"Q05 .*another process"):
        made(micrographs, tmp_path)
    assert made(micrographs, tmp_path).made == 3


def test_a_disk_too_small_is_told_before_anything_is_written(tmp_path: Path) -> None:
    file = tmp_path / "m.mrc"
    mrc.write(file, np.zeros((2048, 2048), np.float32), pixel_size=1.5, label="made for a test")
    pairs = patch_pairs(PairSource([file]), PatchSettings(patch=1024, stride=1))  # 1,050,625 of 8 MiB
    with pytest.raises(OutputError, match=r"O02 .*needs 8,813\.28 GB"):
        list(build(pairs, tmp_path / "d"))
    assert list((tmp_path / "d").iterdir()) == []
