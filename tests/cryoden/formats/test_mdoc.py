from __future__ import annotations

from pathlib import Path

import pytest

from cryoden.errors import MicrographError
from cryoden.formats import mdoc
from tests.cryoden.hostile import DATA

FIELD = DATA / "field" / "mdoc"
needs_data = pytest.mark.skipif(not FIELD.is_dir(), reason=f"files of SerialEM not found in {FIELD}")
TILTS = """PixelSpacing = 2.7
ImageFile = ts_01.mrc
ImageSize = 320 300
DataMode = 1

[T = SerialEM: Acquired on a microscope  01-Jan-20  00:00:00    ]

[T =     Tilt axis angle = 86.1, binning = 1  spot = 8  camera = 0]

[ZValue = 0]
TiltAngle = 0.01
ExposureDose = 2.5
MinMaxMean = 1 9 5

[ZValue = 1]
TiltAngle = 3.01
ExposureDose = 2.75
MinMaxMean = 2 8 5
SubFramePath = D:\\frames\\ts_01_001.tif

[ZValue = 2]
TiltAngle = -2.99
ExposureDose = 3
"""


def written(path: Path, text: str = TILTS) -> Path:
    path.write_text(text, encoding="utf-8-sig")
    return path


def test_images_head_and_titles_are_read(tmp_path: Path) -> None:
    found = mdoc.read(written(tmp_path / "ts_01.mrc.mdoc"))
    assert found.head.values["ImageFile"] == "ts_01.mrc"
    assert [one.number for one in found.images()] == [0, 1, 2]
    assert found.images()[1].values["SubFramePath"] == r"D:\frames\ts_01_001.tif"
    assert found.first("PixelSpacing", found.images()) == 2.7
    assert found.is_of_images


def test_a_result_has_its_planes_alone_numbered_anew_and_all_else_as_it_was(tmp_path: Path) -> None:
    whole = mdoc.read(written(tmp_path / "ts_01.mrc.mdoc"))
    changed = {"PixelSpacing": "5.4", "MinMaxMean": None, "NotThere": "1"}
    text = mdoc.of_result(whole, [2, 1], "made for a test", lambda _: changed)
    again = mdoc.read(written(tmp_path / "again.mdoc", text))
    assert [one.number for one in again.images()] == [0, 1]
    assert [one.values["TiltAngle"] for one in again.images()] == ["-2.99", "3.01"]
    assert again.head.values["PixelSpacing"] == "5.4"
    assert "MinMaxMean" not in text
    assert "NotThere" not in text
    assert "Tilt axis angle = 86.1" in text
    assert "[T = made for a test]" in text
    same = mdoc.of_result(whole, [0, 1, 2], "made for a test", lambda _: {})
    lines = [line for line in same.splitlines() if line and line != "[T = made for a test]"]
    assert lines == [line for line in TILTS.splitlines() if line]


@pytest.mark.parametrize("text", ["", "<html>no mdoc</html>", "[ZValue = 0]\n"])
def test_what_is_no_mdoc_file_says_so(tmp_path: Path, text: str) -> None:
    with pytest.raises(MicrographError, match=r"F69 .*a\.mdoc"):
        mdoc.read(written(tmp_path / "a.mdoc", text))


def test_a_line_of_blanks_is_read_as_fast_as_any_other(tmp_path: Path) -> None:
    blanks = " " * 1_000_000  # a search that looks at them again and again does not end
    text = (
        f"a = x{blanks}y\nb{blanks}\n[ZValue ={blanks}x\n[ZValue ={blanks}0{blanks}]{blanks}\nc ={blanks}1\n"
    )
    found = mdoc.read(written(tmp_path / "a.mdoc", text))
    assert found.head.values == {"a": f"x{blanks}y"}
    assert [(one.kind, one.number, one.values) for one in found.images()] == [("ZValue", 0, {"c": "1"})]
    assert mdoc.of_result(found, [0], "made", lambda _: {"c": "2"}).endswith("[ZValue = 0]\nc = 2\n")


def test_a_number_of_any_length_is_none_of_an_image(tmp_path: Path) -> None:
    text = f"[ZValue = {'9' * 5000}]\nTiltAngle = 1\n[ZValue = 12]\nTiltAngle = 2\n"
    assert [one.number for one in mdoc.read(written(tmp_path / "a.mdoc", text)).images()] == [0, 12]


@needs_data
@pytest.mark.parametrize(
    ("name", "frames", "pixel_size", "dose"),
    [
        ("frame_set_single.mdoc", 1, 1.2827, 7.65892),
        ("single_exposure.tif.mdoc", 1, 0.50226, 30),
    ],
)
def test_files_of_serialem_are_read(name: str, frames: int, pixel_size: float, dose: float) -> None:
    found = mdoc.read(FIELD / name)
    sections = found.images(mdoc.FRAMES)
    assert len(sections) == frames
    assert found.first("PixelSpacing", sections) == pixel_size
    assert found.first("ExposureDose", sections) == dose
    assert not found.is_of_images


@needs_data
def test_a_file_of_serialem_comes_back_line_by_line() -> None:
    path = FIELD / "frame_set_multiple.mdoc"
    found = mdoc.read(path)
    lines = [line for section in found.sections for line in section.lines]
    assert lines == path.read_text().splitlines()
    assert found.images()
