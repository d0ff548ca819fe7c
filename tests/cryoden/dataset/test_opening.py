from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cryoden.dataset import opening
from cryoden.errors import HalvesError
from tests.cryoden.scenes import scene, write_halves


def test_a_micrograph_that_is_its_own_target_is_refused(tmp_path: Path) -> None:
    even, _ = write_halves(tmp_path, scene(1))
    with pytest.raises(HalvesError, match="D04"):
        opening.open_supervised([even], [even])


def test_supervised_pairs_of_two_sizes_are_refused(tmp_path: Path) -> None:
    noisy, _ = write_halves(tmp_path, scene(1))
    target, _ = write_halves(tmp_path, scene(2, (100, 100)))
    with pytest.raises(HalvesError, match=r"D05 .*160×192 and 100×100 px"):
        opening.open_supervised([noisy], [target])


def test_a_half_without_a_partner_is_left_out_with_the_bad_pairs_and_said(tmp_path: Path) -> None:
    write_halves(tmp_path, scene(1))
    (tmp_path / "alone_EVN.mrc").write_bytes((tmp_path / f"{scene(1).even.name}.mrc").read_bytes())
    with pytest.raises(HalvesError, match="D02"):
        opening.open_halves([tmp_path])
    chosen = opening.open_halves([tmp_path], skip_bad=True)
    assert len(chosen) == 1
    assert any("1 half has no partner: alone_EVN.mrc" in warning for warning in chosen.warnings)


def test_halves_that_are_the_same_are_no_halves() -> None:
    half = scene(0, (64, 64)).even
    with pytest.raises(HalvesError, match=r"D04.*both halves have the same pixels"):
        opening.added(half, replace(half, data=half.data.copy()), "m0")
