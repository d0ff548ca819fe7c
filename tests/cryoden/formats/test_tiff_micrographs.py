from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cryoden.dataset.opening import read_micrograph
from cryoden.errors import MicrographError
from cryoden.formats.micrographs import probe, read
from tests.cryoden.formats.files import picture, tiff, tifffile

CODECS = pytest.mark.usefixtures("codecs")
CENTIMETER = 3


@pytest.fixture
def codecs() -> None:
    pytest.importorskip("imagecodecs", reason="the extra [movies] is not installed")


def refused(path: Path) -> str:
    with pytest.raises(MicrographError) as caught:
        read(path)
    assert re.fullmatch(rf"F\d\d  {re.escape(str(path))} — [^\n]+", str(caught.value))
    return str(caught.value)


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "i4", "u4", "f2", "f4", "f8"])
@pytest.mark.parametrize("bigtiff", [False, True])
def test_pixels_of_any_type_come_with_the_lowest_row_first(tmp_path: Path, dtype: str, bigtiff: bool) -> None:
    data = picture().clip(0, 120).astype(dtype)
    found = read(tiff(tmp_path / "m.tif", data, bigtiff=bigtiff))
    assert np.array_equal(found.data, data[::-1].astype(np.float32))
    assert (found.name, found.shape) == ("m", (90, 120))


@CODECS
@pytest.mark.parametrize("compression", ["lzw", "zlib", "deflate", "zstd", "packbits"])
@pytest.mark.parametrize("how", [{}, {"tile": (32, 32)}, {"rowsperstrip": 7}])
def test_compressed_and_tiled_files_are_read(tmp_path: Path, compression: str, how: dict[str, Any]) -> None:
    data = picture().astype("i2")
    found = read(tiff(tmp_path / "m.tiff", data, compression=compression, **how))
    assert np.array_equal(found.data, data[::-1])


@pytest.mark.parametrize("order", ["<", ">"])
def test_either_byte_order_is_read(tmp_path: Path, order: str) -> None:
    with tifffile.TiffWriter(tmp_path / "m.tif", byteorder=order) as file:
        file.write(picture().astype("u2"), photometric="minisblack", metadata=None)
    assert np.array_equal(read(tmp_path / "m.tif").data, picture().astype("u2")[::-1])


@pytest.mark.parametrize(
    ("how", "pixel_size"),
    [
        ({"resolution": (1e8 / 0.83, 1e8 / 0.83), "resolutionunit": CENTIMETER}, 0.83),
        ({"resolution": (2.54e8 / 1.1, 2.54e8 / 1.1), "resolutionunit": 2}, 1.1),
        ({"resolution": (10 / 1.7, 10 / 1.7), "description": "ImageJ=1.54f\nunit=nm\n"}, 1.7),
        ({"resolution": (1 / 2.5, 1 / 2.5), "description": "ImageJ=1.53\nunit=\\u00C5\n"}, 2.5),
        ({"resolution": (1e4 / 3.2, 1e4 / 3.2), "description": "ImageJ=1.53\nunit=micron\n"}, 3.2),
        ({"resolution": (72, 72), "resolutionunit": 2}, None),  # of a printer
        ({"resolution": (1, 1), "description": "ImageJ=1.53\nunit=pixel\n"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_a_pixel_size_is_believed_where_a_microscope_can_have_it(
    tmp_path: Path, how: dict[str, Any], pixel_size: float | None
) -> None:
    facts = probe(tiff(tmp_path / "m.tif", picture(), **how))
    assert facts.pixel_size == (pixel_size and pytest.approx(pixel_size, rel=1e-6))
    assert ("F28" in {one.code for one in facts.warnings}) == (pixel_size is None)


def test_a_pixel_size_of_ome_is_read(tmp_path: Path) -> None:
    data = picture()[None, None, None]
    said = {"axes": "TCZYX"[-5:], "PhysicalSizeX": 0.95, "PhysicalSizeXUnit": "Å"}
    said |= {"PhysicalSizeY": 0.95, "PhysicalSizeYUnit": "Å"}
    tifffile.imwrite(tmp_path / "m.ome.tif", data, ome=True, metadata=said)
    assert probe(tmp_path / "m.ome.tif").pixel_size == pytest.approx(0.95)


def test_an_odd_description_costs_no_micrograph(tmp_path: Path) -> None:
    text = '<?xml version="1.0"?><OME PhysicalSizeX="e" PhysicalSizeY="-.-"></OME>'
    path = tiff(tmp_path / "m.tif", picture(), description=text, resolution=(1e8, 1e8), resolutionunit=3)
    assert read(path).pixel_size == pytest.approx(1)


def test_a_pixel_size_of_fei_is_read(tmp_path: Path) -> None:
    text = b"[Scan]\r\nPixelWidth=1.2e-10\r\nPixelHeight=1.2e-10\r\n"
    path = tiff(tmp_path / "m.tif", picture(), extratags=[(34682, "s", len(text), text, True)])
    assert read(path).pixel_size == pytest.approx(1.2)


def test_nothing_is_inverted_or_turned_in_silence(tmp_path: Path) -> None:
    path = tiff(tmp_path / "m.tif", picture(), photometric="miniswhite")
    found = read(path)
    assert np.array_equal(found.data, picture()[::-1])
    assert "0 is white" in " ".join(map(str, found.warnings))
    turned = tiff(tmp_path / "t.tif", picture(), extratags=[(274, "H", 1, 4, True)])
    assert np.array_equal(read(turned).data, picture()[::-1])
    assert "F63: orientation 4" in " ".join(map(str, read(turned).warnings))


def test_pages_are_the_planes_of_a_stack_and_small_copies_of_a_page_are_passed_over(tmp_path: Path) -> None:
    pages = [picture(300, 320, seed) for seed in range(3)]
    path = tiff(tmp_path / "m.tif", *pages)
    assert (probe(path).kind, probe(path).nz) == ("stack", 3)
    assert all(np.array_equal(read_micrograph(path, section=at).data, pages[at][::-1]) for at in (2, 0))
    assert "3 images of 320 × 300: a stack" in refused(path)
    with tifffile.TiffWriter(tmp_path / "p.tif") as file:
        file.write(pages[0], photometric="minisblack", metadata=None)
        file.write(pages[0][::2, ::2], photometric="minisblack", metadata=None, subfiletype=1)
    assert np.array_equal(read(tmp_path / "p.tif").data, pages[0][::-1])


@pytest.mark.parametrize(
    ("data", "how"),
    [
        (np.zeros((40, 50, 3), "u1"), {"photometric": "rgb"}),
        (np.zeros((40, 50), "c8"), {}),
        (np.zeros((40, 50), "?"), {}),
        (np.zeros((40, 50), "u1"), {"photometric": "palette", "colormap": np.zeros((3, 256), "u2")}),
    ],
)
def test_what_is_no_gray_image_is_refused(tmp_path: Path, data: np.ndarray, how: dict[str, Any]) -> None:
    assert "F64" in refused(tiff(tmp_path / "m.tif", data, **how))


def test_pages_of_two_sizes_are_refused(tmp_path: Path) -> None:
    assert "page 2 is (40, 50)" in refused(tiff(tmp_path / "m.tif", picture(), picture(40, 50)))


@pytest.mark.parametrize("kept", [0.0, 0.01, 0.5, 0.999])
def test_a_truncated_file_says_so(tmp_path: Path, kept: float) -> None:
    path = tiff(tmp_path / "m.tif", picture())
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    assert refused(path)[:3] in {"F01", "F03", "F49"}


@CODECS
def test_damage_inside_compressed_pixels_says_so(tmp_path: Path) -> None:
    path = tiff(tmp_path / "m.tif", picture().astype("i2"), compression="zlib", predictor=False)
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2 : len(raw) // 2 + 400] = bytes(400)
    path.write_bytes(raw)
    assert "F49" in refused(path)


def test_a_claim_that_the_file_cannot_hold_is_refused_by_arithmetic(tmp_path: Path) -> None:
    path = tiff(tmp_path / "m.tif", picture(), compression="zlib")
    with tifffile.TiffFile(path, mode="r+b") as file:
        for name in ("ImageWidth", "ImageLength"):
            file.pages[0].tags[name].overwrite(40_000)
    assert "F62" in refused(path)


@pytest.mark.parametrize("text", ["<!DOCTYPE html>", "404"])
def test_another_file_by_the_name_of_a_tiff_says_so(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.tif").write_text(text * 100)
    assert "cannot be read as TIFF" in refused(tmp_path / "m.tif")
