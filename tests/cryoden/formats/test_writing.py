from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import mrcfile
import numpy as np
import pytest

from cryoden.errors import OutputError
from cryoden.events.batch import BatchEvent, FileFailed, FileFinished, FileSkipped
from cryoden.formats import writing
from cryoden.formats.micrographs import probe, read
from cryoden.settings.denoising import DenoisingSettings
from cryoden.workflows.denoise_micrographs import BatchRequest, denoise_files
from tests.cryoden.formats.files import PIXEL, packed, picture, plain, tiff, tifffile
from tests.cryoden.scenes import scene

NM = {"resolution": (10 / 1.5, 10 / 1.5), "description": "ImageJ=1.54f\nunit=nm\n"}


def denoised(path: Path, output: Path, **settings: Any) -> list[BatchEvent]:
    request = BatchRequest(settings=DenoisingSettings(device="cpu", **settings))
    return list(denoise_files([path], output, request))


def result_of(path: Path, output: Path, **settings: Any) -> Path:
    (found,) = (one for one in denoised(path, output, **settings) if isinstance(one, FileFinished))
    return found.output


@pytest.fixture(scope="module")
def raw() -> np.ndarray:
    return scene(5, (300, 320)).even.data


@pytest.mark.parametrize("output", ["float32", "float16"])
def test_a_tiff_file_has_pixels_pixel_size_and_label(
    tmp_path: Path, output: Literal["float32", "float16"]
) -> None:
    path, label = tmp_path / "m.tif", "cryoden 0.1.0: denoised with µ"
    data = picture()
    writing.write(path, data, pixel_size=PIXEL, label=label, output=output, file_format="tiff")
    with tifffile.TiffFile(path) as file:
        assert np.array_equal(file.asarray(), data[::-1].astype(output))
        assert file.imagej_metadata["unit"] == "nm"
        per_nm = file.pages[0].tags["XResolution"].value
        assert 10 * per_nm[1] / per_nm[0] == pytest.approx(PIXEL, rel=1e-6)
    assert probe(path).labels == (label.replace("µ", "?"),)
    assert probe(path).pixel_size == pytest.approx(PIXEL, rel=1e-6)
    assert np.array_equal(read(path).data, data.astype(output))


def test_of_a_label_of_two_lines_the_last_says_what_made_the_file(tmp_path: Path) -> None:
    path = tmp_path / "m.tif"
    writing.write(path, picture(), pixel_size=PIXEL, label="sum of a and b\ndenoised", file_format="tiff")
    assert probe(path).labels == ("denoised",)
    assert probe(path).pixel_size == pytest.approx(PIXEL, rel=1e-6)
    with tifffile.TiffFile(path) as file:
        assert "\nsum of a and b\n" in file.pages[0].description


def test_an_unknown_pixel_size_is_not_made_up(tmp_path: Path) -> None:
    writing.write(tmp_path / "m.tif", picture(), pixel_size=None, label="x", file_format="tiff")
    assert probe(tmp_path / "m.tif").pixel_size is None


def test_what_cannot_be_stored_is_refused(tmp_path: Path) -> None:
    for bad in (np.nan, 1e9):
        data = picture()
        data[3, 4] = bad
        with pytest.raises(OutputError, match="O13"):
            writing.write(
                tmp_path / "m.tif", data, pixel_size=1.0, label="x", output="float16", file_format="tiff"
            )
    assert not list(tmp_path.iterdir())


def test_a_micrograph_gives_the_same_result_whatever_file_it_is_in(tmp_path: Path, raw: np.ndarray) -> None:
    path = plain(tmp_path / "m.mrc", raw, 1.5)
    wanted = result_of(path, tmp_path / "mrc")
    packed(tmp_path / "m.mrc.gz")
    from_gz = result_of(tmp_path / "m.mrc.gz", tmp_path / "gz")
    assert from_gz.name == "m_denoised.mrc"
    mark = slice(None, 1024 - 800)  # labels say of which file, by name and time
    assert from_gz.read_bytes()[mark] == wanted.read_bytes()[mark]
    assert from_gz.read_bytes()[1024:] == wanted.read_bytes()[1024:]
    from_tiff = result_of(tiff(tmp_path / "m.tif", raw[::-1], **NM), tmp_path / "tiff")
    assert from_tiff.name == "m_denoised.tif"
    assert np.array_equal(tifffile.imread(from_tiff)[::-1], read(wanted).data)
    assert read(from_tiff).pixel_size == pytest.approx(1.5)
    again = denoised(tmp_path / "m.tif", tmp_path / "tiff")
    assert any(isinstance(one, FileSkipped) for one in again)


def test_a_tiff_becomes_an_mrc_that_shows_the_same_picture_in_imod_and_relion(
    tmp_path: Path, raw: np.ndarray
) -> None:
    """They show the first row of an MRC file at the bottom, and that of a TIFF file at the top."""
    path = tiff(tmp_path / "m.tif", raw, **NM)
    result = result_of(path, tmp_path / "out", format="mrc")
    with mrcfile.open(result) as file:
        shown = file.data[::-1]  # from the top
        assert float(file.voxel_size.x) == pytest.approx(1.5)
    as_tiff = tifffile.imread(result_of(path, tmp_path / "out", format="tiff"))
    assert np.array_equal(shown, as_tiff)
    small, whole = (one[:288, :320].reshape(36, 8, 40, 8).mean((1, 3)) for one in (shown, raw))
    upright = np.corrcoef(small.ravel(), whole.ravel())[0, 1]
    turned = np.corrcoef(small[::-1].ravel(), whole.ravel())[0, 1]
    assert upright > 0.5 > abs(turned)


def test_an_mrc_becomes_a_tiff_where_that_is_wanted(tmp_path: Path, raw: np.ndarray) -> None:
    path = plain(tmp_path / "m.mrc", raw, 1.5)
    found = [result_of(path, tmp_path / "out", format=one) for one in ("mrc", "tiff")]
    assert [one.name for one in found] == ["m_denoised.mrc", "m_denoised.tif"]
    assert np.array_equal(read(found[0]).data, read(found[1]).data)


@pytest.mark.parametrize("name", ["m.mrc.gz", "m.tif"])
def test_a_broken_file_says_so_and_leaves_nothing(tmp_path: Path, raw: np.ndarray, name: str) -> None:
    plain(tmp_path / "m.mrc", raw, 1.5)
    path = packed(tmp_path / name) if name.endswith(".gz") else tiff(tmp_path / name, raw, **NM)
    path.write_bytes(path.read_bytes()[:-5000])
    (failed,) = (one for one in denoised(path, tmp_path / "out") if isinstance(one, FileFailed))
    assert failed.code in {"F03", "F60"}
    assert not list((tmp_path / "out").iterdir())


def test_a_confidence_has_the_format_of_its_result(tmp_path: Path, raw: np.ndarray) -> None:
    path = tiff(tmp_path / "m.tif", raw, **NM)
    result_of(path, tmp_path / "out", confidence=True)
    found = read(tmp_path / "out" / "m_confidence.tif")
    assert found.pixel_size == pytest.approx(1.5)
    assert 0.5 <= found.data.min() < found.data.max() <= 0.99 + 1e-6
