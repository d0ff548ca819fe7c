from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cryoden.dataset.opening import facts, open_micrograph
from cryoden.dataset.survey import files
from cryoden.events.batch import FileFinished, FileSkipped
from cryoden.formats.beside import dose_of
from cryoden.formats.micrographs import read
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.reading import ReadingSettings
from cryoden.workflows.denoise_micrographs import BatchRequest, denoise_files
from tests.cryoden.formats.files import packed, picture, plain, tiff
from tests.cryoden.formats.test_epu_xml import TEXT
from tests.cryoden.hostile import DATA
from tests.cryoden.scenes import scene

FIELD = DATA / "field"
needs_data = pytest.mark.skipif(not FIELD.is_dir(), reason=f"files of other programs not found in {FIELD}")
MDOC = "PixelSpacing = {size}\n\n[ZValue = 0]\nExposureDose = 31\n"


def unknown(folder: Path, name: str = "m.mrc") -> Path:
    return plain(folder / name, picture(300, 320), None)


def said(path: Path) -> str:
    return " ".join(map(str, facts(path).warnings))


@pytest.mark.parametrize("name", ["m.mrc.mdoc", "m.mdoc"])
def test_an_mdoc_file_gives_pixel_size_and_dose_and_is_named(tmp_path: Path, name: str) -> None:
    path = unknown(tmp_path)
    (tmp_path / name).write_text(MDOC.format(size=1.07))
    assert read(path).pixel_size == 1.07
    assert f"F67: pixel size 1.07 Å from {name}; the header has none" in said(path)
    assert "F28" not in said(path)
    assert dose_of(facts(path)) == (31, name)


@pytest.mark.parametrize("name", ["m", "m_fractions", "m_Fractions_DW", "m_EER", "m_fractions_EVN"])
def test_an_xml_file_of_epu_is_found_by_the_name_of_what_was_made_of_its_movie(
    tmp_path: Path, name: str
) -> None:
    path = unknown(tmp_path, f"{name}.mrc")
    (tmp_path / "m.xml").write_text(TEXT)
    assert read(path).pixel_size == pytest.approx(1.05)
    dose, source = dose_of(facts(path)) or (0, "")
    assert (round(dose, 6), source) == (42, "m.xml")


def test_flag_header_list_mdoc_and_epu_are_believed_in_this_order(tmp_path: Path) -> None:
    path = unknown(tmp_path)
    (tmp_path / "m.xml").write_text(TEXT)
    sizes = [facts(path).pixel_size]
    (tmp_path / "m.mrc.mdoc").write_text(MDOC.format(size=1.07))
    sizes.append(facts(path).pixel_size)
    sizes.append(facts(path, listed=1.3).pixel_size)
    plain(path, picture(300, 320), 1.5)
    sizes.append(facts(path, listed=1.3).pixel_size)
    with open_micrograph(path, ReadingSettings(1.7), 1.3) as file:
        sizes.append(file.pixel_size)
    assert sizes == pytest.approx([1.05, 1.07, 1.3, 1.5, 1.7])


def test_a_placeholder_gives_way_and_both_are_named(tmp_path: Path) -> None:
    path = plain(tmp_path / "m.mrc", picture(), 1.0)
    (tmp_path / "m.mrc.mdoc").write_text(MDOC.format(size=1.07))
    assert facts(path).pixel_size == 1.07
    assert "1 Å in the header, often a placeholder, 1.07 Å in m.mrc.mdoc" in said(path)


def test_a_micrograph_of_twice_the_pixels_has_pixels_of_half_the_size(tmp_path: Path) -> None:
    path = plain(tmp_path / "m.mrc", picture(600, 640), None)
    (tmp_path / "m.xml").write_text(TEXT)  # 300 × 320
    assert facts(path).pixel_size == pytest.approx(1.05 / 2)
    (tmp_path / "m.mrc.mdoc").write_text("ImageSize = 1280 1200\n" + MDOC.format(size=0.6))
    assert facts(path).pixel_size == pytest.approx(1.2)
    (tmp_path / "m.mrc.mdoc").write_text("ImageSize = 999 100\n" + MDOC.format(size=0.6))
    (tmp_path / "m.xml").unlink()
    assert facts(path).pixel_size is None  # that of another image


def test_what_describes_frames_says_nothing_of_the_pixels_of_their_sum(tmp_path: Path) -> None:
    path = unknown(tmp_path)
    (tmp_path / "m.mdoc").write_text("[FrameSet = 0]\nPixelSpacing = 0.5\nExposureDose = 30\nBinning = 0.5\n")
    assert facts(path).pixel_size is None
    assert dose_of(facts(path)) == (30, "m.mdoc")


def test_an_image_size_that_none_has_is_passed_over(tmp_path: Path) -> None:
    path = unknown(tmp_path)
    (tmp_path / "m.mdoc").write_text(f"ImageSize = {'9' * 5000} 3\n" + MDOC.format(size=1.07))
    assert read(path).pixel_size == 1.07


def test_a_file_that_cannot_be_used_is_a_remark_and_no_failure(tmp_path: Path) -> None:
    path = unknown(tmp_path)
    (tmp_path / "m.xml").write_text("<MicroscopeImage>")
    assert facts(path).pixel_size is None
    assert "F69" in said(path)
    assert "m.xml is not used" in said(path)


@pytest.mark.parametrize("name", ["m.tif", "m.mrc.gz"])
def test_other_formats_are_described_likewise(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "m.tif":
        tiff(path, picture())
    else:
        unknown(tmp_path)
        packed(path)
    (tmp_path / f"{name}.mdoc").write_text(MDOC.format(size=1.07))
    assert read(path).pixel_size == 1.07


def test_what_is_beside_is_listed_by_info(tmp_path: Path) -> None:
    path = unknown(tmp_path)
    (tmp_path / "m.mrc.mdoc").write_text(MDOC.format(size=1.07))
    (found,) = files([path], ReadingSettings())
    assert found.row()[4:6] == ("1.07", "31")
    assert "dose 31 e⁻/Å² from m.mrc.mdoc" in " ".join(found.remarks())


def test_a_result_made_before_the_pixel_size_was_known_is_not_taken_for_done(tmp_path: Path) -> None:
    path = plain(tmp_path / "m.mrc", scene(0, (300, 320)).even.data, None)

    def denoised() -> tuple[int, int]:
        request = BatchRequest(settings=DenoisingSettings(device="cpu"), overwrite=True)
        events = list(denoise_files([path], tmp_path / "out", request))
        return sum(isinstance(one, FileFinished) for one in events), sum(
            isinstance(one, FileSkipped) for one in events
        )

    assert denoised() == (1, 0)
    (tmp_path / "m.mrc.mdoc").write_text(MDOC.format(size=1.5))
    assert denoised() == (1, 0)
    assert read(tmp_path / "out" / "m_denoised.mrc").pixel_size == 1.5
    assert denoised() == (0, 1)


@needs_data
def test_files_of_serialem_and_epu_serve_the_micrographs_beside_them(tmp_path: Path) -> None:
    shutil.copy(FIELD / "mdoc" / "single_exposure.tif.mdoc", tmp_path / "s.tif.mdoc")
    single = tiff(tmp_path / "s.tif", picture())
    assert read(single).pixel_size == pytest.approx(0.50226)
    assert dose_of(facts(single)) == (30, "s.tif.mdoc")
    shutil.copy(FIELD / "epu" / "exposure.xml", tmp_path / "e.xml")  # of 2880 × 2046 px, binned by 2
    exposure = plain(tmp_path / "e_fractions.mrc", picture(4092, 5760), None)
    assert facts(exposure).pixel_size == pytest.approx(1.2851950 / 2, rel=1e-6)


@pytest.mark.skipif(not DATA.is_dir(), reason=f"real micrographs not found in {DATA}")
def test_the_dose_in_an_extended_header_is_read() -> None:
    for name, expected in (("k2_counting/k2_micrograph.mrc", 47.6), ("falcon_micrograph.mrc", 41.2)):
        dose, source = dose_of(facts(DATA / name)) or (0, "")
        assert (round(dose, 1), source) == (expected, "header")
