"""Draws docs/images/real_*.jpg, real micrographs denoised: python docs/draw_real.py DATA [FORMER].

DATA is the folder that benchmarks/real.py reads, too. All panels of a figure show the same place, each
from its median - 5 MAD (black) to its median + 5 MAD (white); the confidence from 0.5 to 1. With FORMER, an
earlier general model's file, real_models.jpg shows what both make of each micrograph.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from matplotlib import colormaps, font_manager
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from cryoden.denoising.denoise import Denoiser, finished
from cryoden.formats import micrographs
from cryoden.image.filters import low_passed
from cryoden.micrograph import Micrograph, Pixels
from cryoden.model.checkpoint import load
from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings

IMAGES = Path(__file__).with_name("images")
EDGE, HEAD, GAP = 408, 28, 6  # px of a panel, its title, the space between two
REACH = 5  # median absolute deviations on either side of the median
QUALITY, BAR = 76, 200  # of the JPEG; Å
RAW, SHIPPED, SURE = "raw", "general model, as shipped", "its confidence (0.5 to 1)"
FIRST = RAW, SHIPPED, SURE
FONT = ImageFont.truetype(font_manager.findfont("DejaVu Sans"), 15)
Panel = NDArray[np.uint8]


@dataclass(frozen=True)
class Figure:
    """What is shown of which micrograph.

    Parameters
    ----------
    name : str
        Of the figure's file.
    file : str
        Of the micrograph, in the data's folder.
    corner : tuple of float
        Top and left of what is shown, in Å, of a square that is ``side`` Å wide.
    low_pass : float
        Å, of the best of several where another image of independent noise judges, and a usual one elsewhere.
    other : str
        The file with that image.
    averaged : bool
        Whether that image has so much less noise that it is shown as it is; else denoised, too.
    pixel_size : float
        Å, where the header has none.
    """

    name: str
    file: str
    corner: tuple[float, float]
    side: float
    low_pass: float = 20
    other: str = ""
    averaged: bool = False
    pixel_size: float = 0


FRAME = "apoferritin_pairs/May08_03.05.02"
FIGURES = (
    Figure(
        "k2", "k2_counting/k2_micrograph_EVN.mrc", (700, 0), 1760, other="k2_counting/k2_micrograph_ODD.mrc"
    ),
    Figure("apoferritin", f"{FRAME}_frame.mrc", (0, 0), 1750, 40, other=f"{FRAME}_rest.mrc", averaged=True),
    Figure("falcon", "falcon_micrograph.mrc", (700, 700), 1320),
    Figure("contaminated", "contaminated_micrograph.mrc", (0, 0), 2640, pixel_size=4.2),
)


def views(figure: Figure, data: Path) -> Iterator[tuple[str, Pixels]]:
    """Yield every panel's title and whole image."""
    seen = _read(figure, data / figure.file)
    model = load(GENERAL)
    shipped = Denoiser(model, DenoisingSettings(confidence=True))
    yield RAW, seen.data
    yield f"low-pass {figure.low_pass:g} Å", low_passed(seen.data, _angstrom(seen), figure.low_pass)
    alone = Denoiser(model, DenoisingSettings(ring_gains=False))
    yield "network alone, without ring gains", finished(alone.denoise(seen)).micrograph.data
    made = finished(shipped.denoise(seen))
    yield SHIPPED, made.micrograph.data
    if figure.other and made.confidence is not None:
        yield SURE, made.confidence.data
        other = _read(figure, data / figure.other)
        yield (
            ("for comparison: mean of the other frames", other.data)
            if figure.averaged
            else ("the other half, as shipped", finished(shipped.denoise(other)).micrograph.data)
        )


def _read(figure: Figure, path: Path) -> Micrograph:
    seen = micrographs.read(path)
    return replace(seen, pixel_size=figure.pixel_size) if figure.pixel_size else seen


def _angstrom(seen: Micrograph) -> float:
    return seen.pixel_size or 1.0  # as for the program, where none is known


def panel(title: str, image: Pixels, figure: Figure, pixel_size: float) -> Panel:
    """Return ``(EDGE + HEAD, EDGE, 3)``: the place that is shown below its title."""
    top, left = (round(start / pixel_size) for start in figure.corner)
    side = round(figure.side / pixel_size)
    part = Image.fromarray(np.ascontiguousarray(image[top : top + side, left : left + side], np.float32))
    shown = np.asarray(part.resize((EDGE, EDGE), Image.Resampling.LANCZOS))
    picture = Image.new("RGB", (EDGE, EDGE + HEAD), "white")
    picture.paste(Image.fromarray(_confidence(shown) if title == SURE else _gray(shown)), (0, HEAD))
    pen = ImageDraw.Draw(picture)
    pen.text((2, 4), title, "black", FONT)
    if title == RAW:
        _bar(pen, figure)
    return np.asarray(picture)


def _gray(image: Pixels) -> Panel:
    middle = np.median(image)
    reach = REACH * np.median(np.abs(image - middle))
    scaled = np.clip((image - middle) / (2 * reach) + 0.5, 0, 1) * 255
    return np.repeat(scaled.astype(np.uint8)[..., None], 3, axis=2)


def _confidence(image: Pixels) -> Panel:
    """Return it in the colors of its layer in the viewer."""
    return (colormaps["viridis"](np.clip(2 * image - 1, 0, 1))[..., :3] * 255).astype(np.uint8)


def _bar(pen: ImageDraw.ImageDraw, figure: Figure) -> None:
    long, bottom = round(BAR / figure.side * EDGE), HEAD + EDGE - 12
    pen.rectangle((6, bottom - 26, 26 + max(long, 52), bottom + 6), "black")
    pen.rectangle((16, bottom - 2, 16 + long, bottom), "white")
    pen.text((16, bottom - 24), f"{BAR} Å", "white", FONT)


def save(name: str, panels: list[Panel], columns: int) -> None:
    """Write panels in rows as one JPEG."""
    spaced = [np.pad(each, ((0, GAP), (0, GAP), (0, 0)), constant_values=255) for each in panels]
    rows = [np.hstack(spaced[start : start + columns]) for start in range(0, len(spaced), columns)]
    Image.fromarray(np.vstack(rows)).save(IMAGES / f"real_{name}.jpg", quality=QUALITY)


def models(former: Path, data: Path) -> Iterator[Panel]:
    """Yield, micrograph by micrograph, the raw one and what two models make of it."""
    both = {
        f"{name} general model, as shipped": path
        for name, path in (("an earlier", former), ("the present", GENERAL))
    }
    denoisers = {title: Denoiser(load(path), DenoisingSettings()) for title, path in both.items()}
    for figure in FIGURES:
        seen = _read(figure, data / figure.file)
        yield panel(RAW, seen.data, figure, _angstrom(seen))
        for title, denoiser in denoisers.items():
            yield panel(title, finished(denoiser.denoise(seen)).micrograph.data, figure, _angstrom(seen))


def main(data: Path, former: Path | None = None) -> None:
    """Write the figures."""
    if former:
        save("models", list(models(former, data)), 3)
    for figure in FIGURES:
        pixel_size = _angstrom(_read(figure, data / figure.file))
        panels = {title: panel(title, image, figure, pixel_size) for title, image in views(figure, data)}
        save(figure.name, list(panels.values()), 3 if figure.other else 2)
        if figure.name == "k2":
            save("first", [panels[title] for title in FIRST], 3)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
