from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from cryoden.reporting.contact_sheet import PALE, WIDTH, Cell, image_width, is_sheet, sheet


def flat(value: int, shape: tuple[int, int] = (100, 110)) -> NDArray[np.uint8]:
    return np.full(shape, value, np.uint8)


def drawn(cells: list[Cell], title: str = "title") -> NDArray[np.uint8]:
    with Image.open(BytesIO(sheet(cells, title))) as picture:
        return np.asarray(picture)


@pytest.mark.parametrize("count", [1, 4, 5, 13, 40])
def test_every_exposure_has_its_two_images_side_by_side_on_one_width(count: int) -> None:
    pixels = drawn([Cell(f"m{number}", flat(40), flat(90)) for number in range(count)])
    wide = image_width(count)
    assert pixels.shape[1] == WIDTH
    for value in (40, 90):
        area = int((pixels == value).sum())
        assert abs(area / (count * wide * wide * 100 / 110) - 1) < 0.05


def test_what_cannot_be_read_has_a_pale_place_and_its_name() -> None:
    with_name, without = (drawn([Cell(name, None, flat(90))]) for name in ("gone", ""))
    assert (with_name == PALE).sum() > 100_000
    assert (with_name != without).any()


def test_any_name_is_text_within_its_own_place() -> None:
    plain = drawn([Cell("a", flat(40), flat(90))] * 4)
    long = drawn([Cell("x" * 400 + "\u202e\nend", flat(40), flat(90)), *[Cell("a", flat(40), flat(90))] * 3])
    assert plain.shape == long.shape
    half = WIDTH // 2 + 4
    np.testing.assert_array_equal(plain[60:, half:], long[60:, half:])


def test_a_sheet_is_known_again_and_other_pictures_are_not_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "sheet.png").write_bytes(sheet([Cell("a", flat(1), flat(2))], "t"))
    Image.fromarray(flat(3)).save(tmp_path / "other.png")
    (tmp_path / "text.png").write_text("no picture")
    found = {path.name: is_sheet(path) for path in sorted(tmp_path.iterdir())}
    assert found == {"other.png": False, "sheet.png": True, "text.png": False}
    assert not is_sheet(tmp_path / "none.png")
