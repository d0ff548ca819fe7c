"""Small pictures of micrographs: eight bits, one contrast rule, PNG without a library.

Pillow is no dependency of the library, and an image of one plane needs three chunks of the
PNG format (ISO/IEC 15948): the header, a palette, and the compressed rows.
"""

from __future__ import annotations

import base64
import struct
import zlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cryoden.micrograph import Pixels

REACH = 3.0  # standard deviations on either side of the mean that are told apart
Shows = Literal["image", "difference", "disagreement"]
Palette = Literal["gray", "diverging", "heat"]
STOPS: dict[Palette, tuple[tuple[float, tuple[int, int, int]], ...]] = {
    "gray": ((0.0, (0, 0, 0)), (1.0, (255, 255, 255))),
    "diverging": (
        (0.0, (0, 90, 160)),
        (0.5, (247, 247, 247)),
        (1.0, (190, 90, 0)),
    ),  # safe for color-blind eyes
    "heat": ((0.0, (20, 20, 40)), (0.5, (160, 70, 60)), (1.0, (255, 220, 110))),
}


@dataclass(frozen=True, eq=False)
class Picture:
    """What is shown of one image.

    Parameters
    ----------
    name : str
        Whose image it is.
    shows : str
        ``"image"``, ``"difference"`` (raw less denoised), or ``"disagreement"`` of the halves.
    pixels : ndarray
        ``(h, w)`` uint8 entries of the palette.
    span : float
        Width of what is shown, in Å or in px of the micrograph.
    palette : str
        ``"gray"``, or ``"diverging"`` around zero, or ``"heat"`` from zero up.
    """

    name: str
    shows: Shows
    pixels: NDArray[np.uint8]
    span: float
    palette: Palette = "gray"

    def uri(self) -> str:
        """Return the picture as a ``data:`` address that an HTML page can hold."""
        return "data:image/png;base64," + base64.b64encode(png(self.pixels, self.palette)).decode()


def shown(image: Pixels, low: float, high: float) -> NDArray[np.uint8]:
    """Return eight bits of an image, from ``low`` to ``high``."""
    scaled = (image - low) * (255 / (high - low or 1))
    return np.asarray(np.clip(np.rint(scaled), 0, 255), np.uint8)


def matched(image: Pixels) -> NDArray[np.uint8]:
    """Return eight bits of an image between its mean ± `REACH` standard deviations."""
    mean, reach = float(image.mean()), REACH * float(image.std()) or 1.0
    return shown(image, mean - reach, mean + reach)


def png(pixels: NDArray[np.uint8], palette: Palette = "gray") -> bytes:
    """Return the bytes of a PNG file of ``(h, w)`` entries of a palette."""
    height, width = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)  # eight bits, indexed, not interlaced
    rows = np.column_stack([np.zeros(height, np.uint8), pixels]).tobytes()  # 0: rows are not filtered
    chunks = (
        (b"IHDR", header),
        (b"PLTE", _colors(palette)),
        (b"IDAT", zlib.compress(rows, 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in chunks)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _colors(palette: Palette) -> bytes:
    at = np.linspace(0, 1, 256)
    places, stops = zip(*STOPS[palette], strict=True)
    channels = [np.interp(at, places, channel) for channel in zip(*stops, strict=True)]
    return bytes(np.rint(np.column_stack(channels)).astype(np.uint8).tobytes())
