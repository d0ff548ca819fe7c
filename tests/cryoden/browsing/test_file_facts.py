from __future__ import annotations

from pathlib import Path

import numpy as np

from cryoden.browsing.exposure_list import Exposure, exposures_in
from cryoden.browsing.file_facts import FileFacts, file_facts, half_check, read_denoised, read_raw
from cryoden.formats import micrographs
from cryoden.settings.reading import ReadingSettings
from tests.cryoden.browsing.acquisition import write_folder, write_project
from tests.cryoden.dataset import cryosparc


def test_a_header_gives_the_size_and_the_list_the_pixel_size(tmp_path: Path) -> None:
    first = exposures_in(write_project(tmp_path)).exposures[0]
    assert file_facts(first) == FileFacts((96, 128), 1.5)
    assert file_facts(first, ReadingSettings(pixel_size=2.25)).pixel_size == 2.25


def test_what_is_wrong_with_a_file_is_said_and_not_raised(tmp_path: Path) -> None:
    (tmp_path / "a.mrc").write_text("no micrograph")
    (exposure,) = exposures_in(tmp_path).exposures
    assert "a.mrc" in file_facts(exposure).problem
    assert file_facts(Exposure("a")).problem


def test_halves_are_checked_where_there_are_any(tmp_path: Path) -> None:
    pair, single, _ = exposures_in(write_folder(tmp_path, (512, 512))).exposures
    check = half_check(pair)
    assert check is not None
    assert check.ready
    assert half_check(single) is None


def test_halves_that_cannot_be_read_are_no_halves(tmp_path: Path) -> None:
    pair = exposures_in(write_folder(tmp_path)).exposures[0]
    (tmp_path / "m1_EVN.mrc").write_text("no micrograph")
    check = half_check(pair)
    assert check is not None
    assert (check.ready, check.kind) == (False, "unreadable")


def test_without_a_micrograph_the_sum_of_its_halves_is_the_raw_one(tmp_path: Path) -> None:
    write_folder(tmp_path)
    whole = micrographs.read(tmp_path / "m1.mrc").data
    (tmp_path / "m1.mrc").unlink()
    pair, _, alone = exposures_in(tmp_path).exposures
    raw = read_raw(pair)
    assert raw is not None
    assert np.allclose(raw.data, whole, rtol=1e-6)
    assert read_raw(alone) is None
    assert read_denoised(pair) is None
    assert read_denoised(alone) is not None


def test_both_halves_of_cryosparc_in_one_file_are_added(tmp_path: Path) -> None:
    exposure = exposures_in(cryosparc.write_project(tmp_path)).exposures[0]
    assert exposure.micrograph is not None
    mean = micrographs.read(exposure.micrograph).data
    exposure.micrograph.unlink()
    raw = read_raw(Exposure(exposure.name, None, exposure.halves, None, exposure.facts))
    assert raw is not None
    assert np.allclose(raw.data, 2 * mean, rtol=1e-5)
