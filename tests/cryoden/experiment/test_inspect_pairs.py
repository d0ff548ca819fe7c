from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from cryoden.cli.main import main
from cryoden.experiment.build import build
from cryoden.experiment.inspect_pairs import LOOKED_AT, Findings, inspect
from cryoden.experiment.pair_grid import sample
from cryoden.experiment.pairs import PatchPairs
from cryoden.experiment.store import PatchStore
from cryoden.io import mrc
from cryoden.micrograph import Micrograph
from tests.cryoden.experiment.patch_sets import change_byte, made, settings
from tests.cryoden.scenes import scene


def checked(folder: Path) -> Findings:
    *_, found = inspect(PatchStore(folder))
    assert isinstance(found, Findings)
    return found


def test_a_damaged_byte_is_found_with_its_pair_and_file(
    micrographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(micrographs, tmp_path)
    assert main(["patches", "check", str(tmp_path)]) == 0
    assert "12 pairs read: 0 damaged" in capsys.readouterr().out
    change_byte(tmp_path / "pairs_00001.bin", 2 * 32_768 + 5)
    assert main(["patches", "check", str(tmp_path)]) == 3
    place = rf"pair 7 in {re.escape(str(tmp_path))}/pairs_00001\.bin at byte 65,536, of .*m2\.mrc"
    assert re.search(place, capsys.readouterr().out)


def test_pairs_of_one_micrograph_that_is_shifted_are_found(tmp_path: Path) -> None:
    for seed in range(4):
        known = scene(seed, (640, 640), signal=0.5)
        for side, half, moved in (("a", known.even, 0), ("b", known.odd, 3 * (seed == 2))):
            (tmp_path / side).mkdir(exist_ok=True)
            shifted = np.roll(half.data, (moved, -moved), (0, 1))
            mrc.write(tmp_path / side / f"m{seed}.mrc", shifted, pixel_size=1.5, label="made for a test")
    asked = ["patches", "build", "--noisy", str(tmp_path / "a"), "--target", str(tmp_path / "b")]
    assert main([*asked, "--out", str(tmp_path / "d"), "--patch", "256", "--stride", "192"]) == 0
    found = checked(tmp_path / "d")
    assert [one.pair // 9 for one in found.shifted] == [2] * 9
    assert np.abs([(one.down + 3, one.right - 3) for one in found.shifted]).max() <= 1
    assert not found.good
    assert found.changed == ()


def test_one_shifted_micrograph_among_many_is_found(tmp_path: Path) -> None:
    known = [scene(seed, (128, 128), signal=2) for seed in range(100)]
    sampled = {index // 4 for index in sample(400, LOOKED_AT)}
    shifted = next(which for which in range(50, 100) if which not in sampled)
    noisy = [np.roll(one.odd.data, 5 * (which == shifted), 0) for which, one in enumerate(known)]
    pairs = PatchPairs([one.even for one in known], [Micrograph(one, 1.5, "m") for one in noisy], settings())
    list(build(pairs, tmp_path))
    assert [(one.micrograph, one.down, one.right) for one in checked(tmp_path).shifted] == [
        (f"m{shifted}_EVN", 5, 0)
    ]


def test_pairs_without_contrast_are_found(tmp_path: Path) -> None:
    data = scene().even.data.copy()
    data[:64, :64] = 100
    list(build(PatchPairs([Micrograph(data, 1.5, "m")], None, settings()), tmp_path))
    assert [one.pair for one in checked(tmp_path).flat] == [0]
