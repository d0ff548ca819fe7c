"""One picture of many: small images of micrographs in a grid, raw beside denoised, each under its name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from cryoden.errors import printable

WIDTH, MARGIN, GAP, LETTERS = 1800, 16, 4, 13  # px; of the sheet, around and within a cell, of letters
COLUMNS = ((1, 1), (4, 2), (12, 3), (30, 4))  # of so many exposures at most; of more there are 5
OURS = "Software", "cryoden contact sheet"
PAPER, INK, PALE = 255, 20, 225


@dataclass(frozen=True, eq=False)
class Cell:
    """One exposure: its name, and two images, ``(h, w)`` uint8; ``None`` of what cannot be read."""

    name: str
    raw: NDArray[np.uint8] | None
    denoised: NDArray[np.uint8] | None


def image_width(count: int) -> int:
    """Return how wide an image of a sheet of so many exposures is, in px."""
    columns = _columns(count)
    return ((WIDTH - MARGIN) // columns - MARGIN - GAP) // 2


def sheet(cells: Sequence[Cell], title: str) -> bytes:
    """Return the bytes of a PNG file.

    Parameters
    ----------
    cells : sequence of Cell
        At least one. Images are fitted into a place as wide as `image_width`.
    title : str
        A line above them.
    """
    wide, line = image_width(len(cells)), LETTERS + 6
    tall = max((_height(image, wide) for cell in cells for image in _images(cell)), default=wide)
    columns = _columns(len(cells))
    size = WIDTH, 2 * MARGIN + line + math.ceil(len(cells) / columns) * (tall + line + MARGIN)
    picture = Image.new("L", size, PAPER)
    draw = ImageDraw.Draw(picture)
    _write(draw, (MARGIN, MARGIN), title, WIDTH - 2 * MARGIN)
    for number, cell in enumerate(cells):
        row, column = divmod(number, columns)
        left = MARGIN + column * (2 * wide + GAP + MARGIN)
        top = 2 * MARGIN + line + row * (tall + line + MARGIN)
        _write(draw, (left, top), cell.name, 2 * wide + GAP)
        for at, image in ((left, cell.raw), (left + wide + GAP, cell.denoised)):
            _place(picture, image, (at, top + line), (wide, tall))
    file = BytesIO()
    made_by = PngInfo()
    made_by.add_text(*OURS)
    picture.save(file, "PNG", optimize=True, pnginfo=made_by)
    return file.getvalue()


def is_sheet(file: Path) -> bool:
    """Tell whether a file is a sheet that was made here."""
    try:
        with Image.open(file, formats=["PNG"]) as picture:
            return picture.info.get(OURS[0]) == OURS[1]
    except (OSError, ValueError, SyntaxError):
        return False


def _columns(count: int) -> int:
    return next((columns for most, columns in COLUMNS if count <= most), 5)


def _images(cell: Cell) -> list[NDArray[np.uint8]]:
    return [image for image in (cell.raw, cell.denoised) if image is not None]


def _height(image: NDArray[np.uint8], wide: int) -> int:
    """Return how tall an image is where it is as wide as its place, up to half as much again."""
    height, width = image.shape
    return min(int(wide * height / width), wide * 3 // 2)


def _place(
    picture: Image.Image, image: NDArray[np.uint8] | None, at: tuple[int, int], room: tuple[int, int]
) -> None:
    if image is None:
        picture.paste(PALE, (*at, at[0] + room[0], at[1] + room[1]))
        return
    height, width = image.shape
    times = min(room[0] / width, room[1] / height)
    size = max(1, round(width * times)), max(1, round(height * times))
    picture.paste(Image.fromarray(image).resize(size, Image.Resampling.BOX if times < 1 else None), at)


def _write(draw: ImageDraw.ImageDraw, at: tuple[int, int], words: str, room: int) -> None:
    """Write one line, without its middle where it is too long; letters the font lacks are escapes."""
    font = ImageFont.load_default(LETTERS)
    text = printable(words).encode("latin-1", "backslashreplace").decode("latin-1")
    shown, length = text, len(text)
    while draw.textlength(shown, font) > room and length > 4:
        length -= 1
        head = (length + 1) // 2
        shown = f"{text[:head]}...{text[len(text) - (length - head) :]}"
    draw.text(at, shown, INK, font)
