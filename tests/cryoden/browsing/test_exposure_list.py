from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cryoden.browsing.exposure_list import exposures_in
from cryoden.errors import HalvesError
from cryoden.events.batch import BatchFinished, FileFinished
from cryoden.hosts.listed_results import with_lists
from tests.cryoden.browsing.acquisition import NAMES, write_folder, write_project
from tests.cryoden.dataset import cryosparc


def test_in_a_folder_halves_sum_and_result_are_one_exposure(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "day 1")
    found = exposures_in(folder).exposures
    assert [one.name for one in found] == ["m1.mrc", "m2.mrc", "m10_denoised.mrc"]
    pair, raw, alone = found
    assert pair.micrograph == folder / "m1.mrc"
    assert pair.halves is not None
    assert pair.halves.even == folder / "m1_EVN.mrc"
    assert (raw.micrograph, raw.denoised) == (folder / "m2.mrc", folder / "m2_denoised.mrc")
    assert (alone.micrograph, alone.file) == (None, folder / "m10_denoised.mrc")


def test_no_file_is_opened_to_list_a_folder(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"m{number}.mrc").write_bytes(b"no micrograph at all")
    assert len(exposures_in(tmp_path).exposures) == 3


def test_rows_of_a_star_file_come_in_its_order_with_its_names(tmp_path: Path) -> None:
    found = exposures_in(write_project(tmp_path)).exposures
    assert tuple(one.name for one in found) == NAMES
    assert [one.micrograph for one in found] == [tmp_path / name for name in NAMES]
    assert [one.facts.pixel_size for one in found] == [1.5, 0.8, 1.5]


@pytest.mark.parametrize("names", ["added", "replaced"])
def test_a_list_of_results_gives_raw_and_denoised_of_each_row(tmp_path: Path, names: str) -> None:
    star, folder = write_project(tmp_path), tmp_path / "out"
    folder.mkdir()
    made = folder / "b_denoised.mrc"
    made.touch()
    events = [FileFinished(tmp_path / NAMES[1], made, 1.0, ()), BatchFinished(1, (), 0, 1.0)]
    final = folder / "micrographs_denoised.star"
    list(with_lists(events, {star: final}, names=names))  # type: ignore[arg-type]
    found = exposures_in(final).exposures
    wanted = [(tmp_path / name, made if name == NAMES[1] else None) for name in NAMES]
    if names == "replaced":  # which leaves rows without a result out
        wanted = wanted[1:2]
    assert [(one.micrograph, one.denoised) for one in found] == wanted


def test_the_output_folder_of_a_batch_gives_the_results(tmp_path: Path) -> None:
    star, output = write_project(tmp_path), tmp_path / "out"
    (output / "y").mkdir(parents=True)
    shutil.copy(tmp_path / NAMES[1], output / "y" / "b_denoised.mrc")
    found = exposures_in(star, output).exposures
    assert [one.denoised for one in found] == [None, output / "y" / "b_denoised.mrc", None]


def test_exposures_of_cryosparc_have_halves_pixel_sizes_and_defocus(tmp_path: Path) -> None:
    cryosparc.write_project(tmp_path)
    found = exposures_in(tmp_path / "J3" / "exposures.cs").exposures
    assert [one.micrograph for one in found] == [tmp_path / cryosparc.path_of(number) for number in range(3)]
    assert [one.facts.pixel_size for one in found] == [cryosparc.SIZE] * 3
    assert [one.facts.defocus for one in found] == pytest.approx([1e-4, 2e-4, 3e-4])
    assert all(one.halves is not None and one.halves.sections == (0, 1) for one in found)


def test_a_folder_without_micrographs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HalvesError, match="0 micrographs"):
        exposures_in(tmp_path)
