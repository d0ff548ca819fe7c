"""Micrographs out, in the format that the name of the result says."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cryoden.formats import compressed
from cryoden.formats.names import FileFormat, is_tiff, packing_of
from cryoden.formats.tiff import page_writer
from cryoden.io import mrc, mrc_header_copy
from cryoden.io.mrc_header_copy import Original, in_ascii, statistics
from cryoden.micrograph import Pixels, Statistics

PixelFormat = Literal["float32", "float16"]
UNIT, IN_ANGSTROM = "nm", 10.0  # that of lengths in TIFF files, as ImageJ shows them


def format_of(result: Path) -> FileFormat:
    """Return the format that the name of a result says."""
    return "tiff" if is_tiff(result) else "mrc"


def original_of(path: Path | None, planes: Sequence[int] = ()) -> Original | None:
    """Return the MRC header of an input, which its results take over; none of a TIFF file.

    Of some ``planes`` of a stack the extended header has their entries only.

    Raises
    ------
    MicrographError
        Where it cannot be read.
    """
    if path is None or is_tiff(path):
        return None
    found = compressed.original(path) if packing_of(path) else mrc_header_copy.original(path)
    return mrc_header_copy.of_sections(found, planes) if planes else found


def write(  # noqa: PLR0913  what a file says
    path: Path,
    data: Pixels,
    *,
    pixel_size: float | None,
    like: Path | None = None,
    label: str,
    output: PixelFormat = "float32",
    file_format: FileFormat = "mrc",
    measured: Statistics | None = None,
) -> None:
    """Write one micrograph as a complete file.

    Parameters
    ----------
    path : Path
        Where to write, usually the temporary path of `cryoden.io.atomic.atomic_write`.
    data : ndarray
        ``(h, w)`` float32 array, its rows as in MRC files.
    pixel_size : float or None
        Å/px.
    like : Path or None
        The file whose header is copied, see `cryoden.io.mrc.write`; of and into TIFF files none is.
    label : str
        What made this file, lines of at most 80 letters, of which the last counts.
    output : {"float32", "float16"}
        Pixel format.
    file_format : {"mrc", "tiff"}
        A TIFF file is not compressed, so that every program reads it; see `tiff_tags`.
    measured : Statistics or None
        Those of the pixels, where they are known.

    Raises
    ------
    OutputError
        ``O13``, see `cryoden.io.mrc.storable`.
    MicrographError
        What cannot be read of ``like``; ``F54`` where a package for TIFF files is missing.
    """
    found = measured or statistics(data)
    if file_format == "mrc":
        compose = partial(mrc.composed, pixel_size=pixel_size, like=original_of(like), label=label)
        mrc.write_measured(path, data, found, output, compose)
        return
    pixels = mrc.storable(path, data, output, found)
    with page_writer(path, pixels.nbytes, **tiff_tags(pixel_size, label)) as add:
        add(upside_down(pixels))


def upside_down(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return rows in the order of TIFF files, the highest first, of rows in that of MRC files."""
    return np.ascontiguousarray(pixels[::-1])


def tiff_tags(pixel_size: float | None, label: str, images: int = 1) -> dict[str, Any]:
    """Return what a TIFF file says beside its pixels; ImageJ shows lengths in nm, and planes as slices."""
    *others, letters = map(in_ascii, label.split("\n"))
    described = ["ImageJ=1.54f", *others, *([f"images={images}", f"slices={images}"] if images > 1 else [])]
    tags: dict[str, Any] = {"software": letters}
    if pixel_size is not None:
        described += [f"unit={UNIT}"]
        tags |= {"resolution": (IN_ANGSTROM / pixel_size,) * 2, "resolutionunit": 1}
    return tags | {"description": "\n".join(described) + "\n"}
