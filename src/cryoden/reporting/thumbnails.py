"""Small pictures of micrographs: eight bits, one contrast rule, PNG."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from io import BytesIO
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from cryoden.micrograph import Pixels

REACH = 3.0  # standard deviations on either side of the mean that are distinguished
Shows = Literal["image", "difference", "disagreement"]
Palette = Literal["gray", "diverging", "heat"]
COLORS = {  # of the lowest, the highest and the middle entry
    "gray": ("#000000", "#ffffff", None),
    "diverging": ("#005aa0", "#be5a00", "#f7f7f7"),  # safe for color-blind eyes
    "heat": ("#141428", "#ffdc6e", "#a0463c"),
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
    ramp = Image.frombytes("L", (256, 1), bytes(range(256)))
    low, high, middle = COLORS[palette]
    picture = Image.fromarray(pixels).convert("P")
    picture.putpalette(ImageOps.colorize(ramp, low, high, middle).tobytes())
    file = BytesIO()
    picture.save(file, "PNG", optimize=True)
    return file.getvalue()
