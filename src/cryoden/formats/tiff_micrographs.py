"""TIFF micrographs, and stacks of them: what their tags say, and their pixels in the order of MRC files."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from cryoden.errors import MicrographError, Remark
from cryoden.formats.compressed import SMALL
from cryoden.formats.tiff import DAMAGED, TiffPages, has_color
from cryoden.io.mrc_probe import HeaderFacts
from cryoden.io.mrc_validation import MOST_PIXELS
from cryoden.io.pixel_size import of_spacings

TYPES = {"u1", "i1", "u2", "i2", "u4", "i4", "f2", "f4", "f8"}
SUPPORTED = "one gray value for each pixel, of 8, 16 or 32 bits, or float"
MOST_TIMES = 4096  # no codec makes noise so much smaller
IN_ANGSTROM = {  # of ImageJ and OME, in lower case
    "angstrom": 1.0, "angstroms": 1.0, "a": 1.0, "å": 1.0, "\\u00c5": 1.0, "nm": 10.0, "nanometer": 10.0,
    "micron": 1e4, "um": 1e4, "µm": 1e4, "μm": 1e4, "\\u00b5m": 1e4, "mm": 1e7, "cm": 1e8, "m": 1e10,
}  # fmt: skip
INCH, CENTIMETER = 2, 3
PER_UNIT = {INCH: 2.54e8, CENTIMETER: 1e8}  # Å
WHITE_IS_ZERO, USUAL_ORIENTATION, REDUCED = 0, 1, 1
OME_SIZE = re.compile(r'PhysicalSize([XY])="([0-9.eE+-]+)"')
OME_UNIT = re.compile(r'PhysicalSizeXUnit="([^"]+)"')
Sizes = tuple[float | None, float | None]


def probe(path: Path) -> HeaderFacts:
    """Return the facts of a TIFF file; its planes are as the sections of a stack.

    Raises
    ------
    MicrographError
        See `cryoden.formats.tiff.TiffPages`; ``F06`` for more pixels than a micrograph has, ``F62``
        for more than the file can hold, ``F64`` for what is no gray image, or pages that differ.
    """
    with TiffPages(path) as tiff:
        pages = _images(tiff)
        first, kind = pages[0], np.dtype(pages[0].dtype)
        sizes, odd = of_spacings(*_sizes(tiff.file, first))
        return HeaderFacts(
            path=path,
            nx=int(first.imagewidth),
            ny=int(first.imagelength),
            nz=len(pages),
            mode=-1,
            byte_order="<",
            dtype=("<" if kind.itemsize > 1 else "") + f"{kind.kind}{kind.itemsize}",
            extended_bytes=0,
            data_offset=0,
            pixel_size=sizes,
            axes=(1, 2, 3),
            kind="micrograph" if len(pages) == 1 else "stack",
            warnings=(*_odd(first), *odd),
            labels=(str(first.software),) if first.software else (),
            packed=path.suffix.lower(),
        )


def section(facts: HeaderFacts) -> bytes:
    """Return the pixels of the plane that begins at ``facts.data_offset``, as bytes, the lowest row first.

    Raises
    ------
    MicrographError
        See `probe`; ``F52`` where the file has changed since.
    """
    with TiffPages(facts.path) as tiff:
        pages = _images(tiff)
        number = facts.data_offset // facts.section_bytes
        rows = tiff.decoded(pages[number])[::-1] if number < len(pages) else np.empty((0, 0))
    if rows.shape != (facts.ny, facts.nx):
        what = (
            f"has changed while in use: {rows.shape[1]} × {rows.shape[0]} px, {facts.nx} × {facts.ny} before"
        )
        raise MicrographError(
            "F52", facts.path, what, kept="Skipped", fix="Wait until it is completely written"
        )
    return np.ascontiguousarray(rows, np.dtype(facts.dtype)).tobytes()


def _images(tiff: TiffPages) -> list[Any]:
    """Return the pages that are images of one size, all gray; smaller copies of them are passed over."""
    pages = [page for page in tiff.pages if not int(page.subfiletype) & REDUCED] or tiff.pages[:1]
    first = pages[0]
    problem = _no_micrograph(first)
    odd = next((page for page in pages if (page.shape, page.dtype) != (first.shape, first.dtype)), None)
    if not problem and odd is not None:
        problem = f"page {odd.index + 1} is {odd.shape} {odd.dtype}, the first {first.shape} {first.dtype}"
    if problem:
        fix = f"Give a micrograph of {SUPPORTED}"
        raise MicrographError("F64", tiff.path, problem, kept="Skipped", fix=fix)
    _refuse_impossible(tiff.path, first)
    return pages


def _no_micrograph(page: Any) -> str:
    kind = None if page.dtype is None else np.dtype(page.dtype)
    if has_color(page) or len(page.shape) != 2:
        return f"a color image or volume ({page.samplesperpixel} values for each pixel), not a gray image"
    if kind is None or f"{kind.kind}{kind.itemsize}" not in TYPES:
        return f"pixels of {page.bitspersample} bits ({kind}) are not supported"
    return ""


def _refuse_impossible(path: Path, page: Any) -> None:
    width, height, stored = int(page.imagewidth), int(page.imagelength), sum(page.databytecounts)
    if width * height > MOST_PIXELS:
        what = f"{width:,} × {height:,} pixels are too many for a micrograph"
        raise MicrographError("F06", path, what, kept="Skipped", fix="Cut it into parts")
    if page.nbytes > MOST_TIMES * stored + SMALL:
        what = f"impossible size: {width:,} × {height:,} pixels, which {stored:,} bytes cannot hold"
        raise MicrographError("F62", path, what, kept="Skipped", fix="Copy it again")


def _odd(page: Any) -> tuple[Remark, ...]:
    """Return what a picture of it would show otherwise: nothing is turned over or inverted in silence."""
    said = []
    if int(page.photometric) == WHITE_IS_ZERO:
        said.append(Remark("F63", "its tags say that 0 is white: values stay as stored, in results, too"))
    orientation = page.tags.get("Orientation")
    if orientation is not None and int(orientation.value) != USUAL_ORIENTATION:
        text = f"orientation {int(orientation.value)} in its tags is not looked at, as in RELION and IMOD"
        said.append(Remark("F63", text))
    return tuple(said)


def _sizes(file: Any, page: Any) -> Sizes:
    """Return Å/px along rows and columns, of the first of its descriptions that has them."""
    readers: tuple[Callable[[Any, Any], Sizes], ...] = (_of_ome, _of_fei, _of_resolution)
    known = (_said(read, file, page) for read in readers)
    return next((sizes for sizes in known if sizes[0]), (None, None))


def _said(read: Callable[[Any, Any], Sizes], file: Any, page: Any) -> Sizes:
    with suppress(*DAMAGED):  # a description that is odd costs no micrograph
        return read(file, page)
    return None, None


def _of_ome(file: Any, page: Any) -> Sizes:  # noqa: ARG001  as the others
    text = file.ome_metadata or ""
    sizes = {axis: float(number) for axis, number in OME_SIZE.findall(text)}
    unit = OME_UNIT.search(text)
    times = IN_ANGSTROM.get(unit[1].lower() if unit else "µm")
    x, y = sizes.get("X"), sizes.get("Y")
    return (x * times, y * times) if x and y and times else (None, None)


def _of_fei(file: Any, page: Any) -> Sizes:  # noqa: ARG001  as the others
    scan = (file.fei_metadata or {}).get("Scan", {})
    x, y = (scan.get(name) for name in ("PixelWidth", "PixelHeight"))
    return (float(x) * 1e10, float(y) * 1e10) if x and y else (None, None)


def _of_resolution(file: Any, page: Any) -> Sizes:
    x, y = (_per_unit(page, name) for name in ("XResolution", "YResolution"))
    unit = str((file.imagej_metadata or {}).get("unit", "")).lower()
    tag = page.tags.get("ResolutionUnit")
    times = IN_ANGSTROM.get(unit) or PER_UNIT.get(INCH if tag is None else int(tag.value))
    return (times / x, times / y) if x and y and times else (None, None)


def _per_unit(page: Any, name: str) -> float | None:
    tag = page.tags.get(name)
    above, below = (0, 1) if tag is None else tag.value
    number = above / below if below else 0.0
    return number if math.isfinite(number) and number > 0 else None
