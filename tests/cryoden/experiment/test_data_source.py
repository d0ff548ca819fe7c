from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cryoden.errors import CryodenError, MicrographError, SettingsError
from cryoden.experiment.data_source import PairSource, patch_pairs
from cryoden.io import mrc
from cryoden.settings.reading import ReadingSettings
from tests.cryoden.experiment.small_pairs import settings
from tests.cryoden.scenes import scene, write_halves


def test_noisy_and_target_files_are_not_exchanged(tmp_path: Path) -> None:
    known = scene()
    noisy, target = write_halves(tmp_path, known)
    pairs = patch_pairs(PairSource(noisy=[noisy], target=[target]), settings(clip=False))
    found = pairs.pair(0)[0] * pairs.scale(0).divisor
    np.testing.assert_allclose(found, known.even.data[:64, :64], rtol=1e-5)


def test_of_halves_the_even_is_noisy_and_the_odd_its_target(tmp_path: Path) -> None:
    known = scene()
    write_halves(tmp_path, known)
    pairs = patch_pairs(PairSource(halves=[tmp_path]), settings(scale="z-score"))
    target = pairs.pair(0)[1] * pairs.scale(0).divisor + pairs.scale(0).offset
    np.testing.assert_allclose(target, known.odd.data[:64, :64], rtol=1e-4)


def test_pixels_that_are_no_numbers_are_named_with_their_place(tmp_path: Path) -> None:
    data = scene().even.data.copy()
    path = tmp_path / "m.mrc"
    mrc.write(path, data, pixel_size=1.5, label="a micrograph made for a test")
    with path.open("r+b") as file:
        file.seek(1024 + 4 * (150 * 192 + 7))
        file.write(np.float32(np.nan).tobytes())
    with pytest.raises(MicrographError, match=r"F24 .*m\.mrc.*row 150, column 7"):
        patch_pairs(PairSource([path]), settings()).pair(0)


@pytest.mark.parametrize(
    ("material", "code"),
    [
        (PairSource([Path("nowhere")]), "F49"),
        (PairSource([Path()]), "D01"),
    ],
)
def test_nothing_to_cut_from_is_told(
    material: PairSource, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CryodenError, match=code):
        patch_pairs(material, settings())


def test_either_micrographs_or_halves_or_two_sets_are_given() -> None:
    for given in ({}, {"micrographs": [Path("a")], "halves": [Path("b")]}):
        with pytest.raises(SettingsError, match="S03"):
            PairSource(**given)


def test_pixels_that_are_no_numbers_are_not_replaced_in_what_is_learned_from(tmp_path: Path) -> None:
    write_halves(tmp_path, scene())
    with pytest.raises(SettingsError, match="S03"):
        patch_pairs(PairSource([tmp_path]), settings(), ReadingSettings(nan="mean"))
