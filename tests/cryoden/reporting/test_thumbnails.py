from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from cryoden.reporting.thumbnails import Palette, png

RAMP = np.arange(256, dtype=np.uint8).reshape(8, 32)


def colors(palette: Palette) -> list[tuple[int, ...]]:
    """Return the lowest, middle and highest color of a palette."""
    pixels = np.asarray(Image.open(BytesIO(png(RAMP, palette))).convert("RGB")).reshape(256, 3)
    return [tuple(map(int, pixels[entry])) for entry in (0, 127, 255)]


def test_gray_is_read_back_as_it_was() -> None:
    read = Image.open(BytesIO(png(RAMP))).convert("L")
    np.testing.assert_array_equal(np.asarray(read), RAMP)


@pytest.mark.parametrize(
    ("palette", "expected"),
    [
        ("diverging", [(0, 90, 160), (247, 247, 247), (190, 90, 0)]),
        ("heat", [(20, 20, 40), (160, 70, 60), (255, 220, 110)]),
    ],
)
def test_a_palette_runs_from_its_lowest_over_its_middle_to_its_highest_color(
    palette: Palette, expected: list[tuple[int, ...]]
) -> None:
    np.testing.assert_allclose(colors(palette), expected, atol=2)
