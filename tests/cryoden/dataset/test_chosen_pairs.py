from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cryoden.cli.main import main
from cryoden.dataset.chosen_pairs import choose
from cryoden.dataset.half_checks import inspect
from cryoden.dataset.opening import open_halves
from cryoden.errors import CryodenError
from cryoden.io import mrc
from cryoden.micrograph import HalfPair, Micrograph
from tests.cryoden.scenes import scene, write_halves

ALL = (1, 2, 3, 4, 5)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five pairs: the second is black, the fourth shows two scenes."""
    for seed in ALL:
        write_halves(tmp_path, scene(seed))
    black = np.zeros((160, 192), np.float32)
    for half in ("EVN", "ODD"):
        mrc.write(tmp_path / f"m2_{half}.mrc", black, pixel_size=1.5, label="made for a test")
    other = replace(scene(9).odd, name="m4_ODD")
    mrc.write(tmp_path / "m4_ODD.mrc", other.data, pixel_size=1.5, label="made for a test")
    return tmp_path


def test_all_bad_pairs_are_named_at_once(folder: Path) -> None:
    with pytest.raises(CryodenError, match=r"2 of 5 pairs cannot be used: m2 \(F25 .*; m4 \(D03 ") as caught:
        open_halves([folder])
    assert "--skip-bad-pairs" in caught.value.fix


def test_a_file_that_cannot_be_read_is_a_bad_pair_like_others(folder: Path) -> None:
    (folder / "m5_EVN.mrc").write_bytes(b"")
    with pytest.raises(CryodenError, match=r"3 of 5 pairs .*; m5 \(F01 m5_EVN\.mrc "):
        open_halves([folder])


def test_bad_pairs_are_left_out_where_that_is_wanted_and_counted(folder: Path) -> None:
    found = open_halves([folder], skip_bad=True)
    assert [pair.name for pair in found] == ["m1_EVN", "m3_EVN", "m5_EVN"]
    (warning,) = found.warnings
    assert warning.startswith("left out 2 of 5 pairs: m2 (F25 ")


def test_without_a_single_good_pair_nothing_is_left_out(folder: Path) -> None:
    for seed in (1, 3, 5):
        for file in folder.glob(f"m{seed}_*.mrc"):
            file.unlink()
    with pytest.raises(CryodenError, match="2 of 2 pairs cannot be used"):
        open_halves([folder], skip_bad=True)


def test_what_was_left_out_stands_in_the_record_of_the_run(folder: Path) -> None:
    quick = ["--epochs", "1", "--patch", "64", "--steps-per-epoch", "2", "--batch", "2", "--device", "cpu"]
    asked = ["train", "--halves", str(folder), "--run", str(folder / "run"), "--skip-bad-pairs", *quick]
    assert main(asked) == 0
    started = json.loads((folder / "run" / "run.json").read_text())["started"]
    assert "left out 2 of 5 pairs" in started["warnings"][0]


def test_halves_of_very_unequal_noise_are_used_with_a_warning() -> None:
    clean = scene(1, (256, 256), signal=1.5).clean
    numbers = np.random.default_rng(0)

    def half(name: str, noise: float) -> Micrograph:
        return Micrograph((clean + noise * numbers.normal(size=clean.shape)).astype(np.float32), 1.5, name)

    frames = HalfPair(half("a_EVN", 0.5 * 40**0.5), half("a_ODD", 0.5))
    equal = HalfPair(half("b_EVN", 0.5), half("b_ODD", 0.53))
    verdict = inspect(frames)
    assert verdict.ready
    assert "the even half has 3" in verdict.warning
    assert inspect(equal).warning == ""
    found = choose([("a", lambda: frames), ("b", lambda: equal)])
    assert len(found) == 2
    assert found.warnings[0].startswith("D15: a: the even half has ")
