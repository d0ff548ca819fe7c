"""Pixels of micrographs in, and MRC files out. The only module that knows mrcfile, and only to write."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from mrcfile.mrcobject import MrcObject
from numpy.typing import NDArray

from cryoden.errors import OutputError, Remark
from cryoden.io.mrc_header_copy import (
    Original,
    add_label,
    copy_header,
    put_statistics,
    set_pixel_size,
    statistics,
)
from cryoden.io.mrc_validation import no_contrast
from cryoden.io.mrc_windows import MicrographFile, non_finite
from cryoden.micrograph import Micrograph, Pixels, Statistics

SUFFIXES = (".mrc", ".mrcs", ".map", ".st", ".rec")
BLOCK_BYTES = 2**24
LARGEST_FLOAT16 = 65_504


def is_mrc_name(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file name ends like an MRC file, in any case of letters."""
    return os.fspath(path).lower().endswith(SUFFIXES)


def whole(
    file: MicrographFile,
    nan: Literal["refuse", "mean"] = "refuse",
    *,
    look: bool = True,
    empty: Callable[[tuple[int, int]], Pixels] | None = None,
) -> Micrograph:
    """Read all of a micrograph that is open, and close it.

    Parameters
    ----------
    file : MicrographFile
        From `cryoden.formats.micrographs.open_micrograph`.
    nan : {"refuse", "mean"}
        What to do with pixels that are no numbers: refuse the file, or replace them by the
        mean of the others and say so in the micrograph's warnings.
    look : bool
        Whether to look at the pixels: without, they are read and nothing of them is refused or replaced.
    empty : callable or None
        Returns the float32 array of a shape that they are read into, where it shall not be any.

    Returns
    -------
    Micrograph
        ``(h, w)`` float32 in the file's gray scale.

    Raises
    ------
    MicrographError
        ``F24`` for pixels that are not numbers with their count, ``F25`` for an image without contrast.
    """
    with file:
        data = empty(file.shape) if empty else np.empty(file.shape, np.float32)
        limits = _read_into(data, file, look=look)
    warnings = file.warnings
    if limits and not np.isfinite(limits).all():
        warnings += _mended(data, file, nan)
        limits = float(data.min()), float(data.max())
    if limits and limits[0] == limits[1]:
        raise no_contrast(file.facts.path, limits[0])
    return Micrograph(data, file.pixel_size, file.name, file.path, warnings)


def _read_into(data: Pixels, file: MicrographFile, *, look: bool) -> tuple[float, float] | None:
    """Read all pixels in blocks, so that at most one block exists in the file's own type.

    Returns their least and largest value, of NaN both, where they are looked at.
    """
    height, width = file.shape
    step = max(1, BLOCK_BYTES // (4 * file.facts.nx))
    if file.facts.packed:
        step = file.facts.ny  # what is unpacked is in memory as a whole, and need not be unpacked again
    limits = list[tuple[float, float]]()
    for start in range(0, file.facts.ny, step):
        count = min(step, file.facts.ny - start)
        rows, columns = slice(start, start + count), slice(0, width)
        if file.facts.transposed:
            rows, columns = slice(0, height), slice(start, start + count)
        block = data[rows, columns]
        tall, wide = block.shape
        file.unchecked(rows.start, columns.start, tall, wide, out=block)
        if look:
            limits.append((float(block.min()), float(block.max())))
    return (float(np.min(limits)), float(np.max(limits))) if limits else None


def _mended(data: Pixels, file: MicrographFile, nan: Literal["refuse", "mean"]) -> tuple[Remark, ...]:
    """Replace what is no number by the mean of the rest, and say so; or refuse."""
    bad, finite = non_finite(data), np.isfinite(data)
    if nan == "refuse" or not finite.any():
        raise bad.error(file.facts.path)
    data[~finite] = data[finite].mean(dtype=np.float64)
    return (Remark("F24", f"{bad.count:,} NaN or infinite pixels replaced by the mean of the others"),)


class Composed(MrcObject):  # type: ignore[misc]  # mrcfile ships no types
    """A file in memory. mrcfile's own file object stays open when the disk is full."""

    def __init__(self) -> None:
        super().__init__()
        self._create_default_attributes()

    def update_header_stats(self) -> None:
        """Leave them out: they are measured in one pass, and mrcfile takes four."""


def write(
    path: Path,
    data: Pixels,
    *,
    pixel_size: float | None,
    like: Original | None = None,
    label: str,
    output: Literal["float32", "float16"] = "float32",
) -> None:
    """Write one micrograph as a complete little-endian MRC file.

    Parameters
    ----------
    path : Path
        Where to write, usually the temporary path of `cryoden.io.atomic.atomic_write`.
    data : ndarray
        ``(h, w)`` float32 array.
    pixel_size : float or None
        Å/px. ``None`` writes an empty cell, never a made-up 1 Å.
    like : Original or None
        A header that is copied: origin, start, labels, space group, and the extended
        header byte for byte. Mode, statistics and one label are new.
    label : str
        What made this file, lines of at most 80 letters. They replace the last ones when all ten are taken.
    output : {"float32", "float16"}
        Pixel format, mode 2 or 12.

    Raises
    ------
    OutputError
        ``O13`` when a value cannot be stored: NaN, infinite, or too large for float16.
    """
    compose = partial(composed, pixel_size=pixel_size, like=like, label=label)
    write_measured(path, data, statistics(data), output, compose)


def write_measured(
    path: Path,
    data: Pixels,
    found: Statistics,
    output: Literal["float32", "float16"],
    compose: Callable[[NDArray[Any]], Composed],
) -> None:
    """Write as `write` does what has been measured; ``compose`` is `composed` for pixels in their format."""
    pixels = storable(path, data, output, found)
    made = compose(pixels)
    put_statistics(made.header, found, output)
    with path.open("wb") as file:
        for part in (made.header, made.extended_header, pixels):
            file.write(part.tobytes() if part.ndim < 2 else part.data)


def composed(
    pixels: NDArray[Any],
    pixel_size: float | None,
    like: Original | None,
    label: str,
    images: int | None = None,
) -> Composed:
    """Return pixels in their format with a header as `write` makes it, for so many ``images`` of a stack."""
    found = Composed()
    found.set_data(pixels)
    header = found.header
    header.nz = images or header.nz
    header.label = b""
    if like is not None:
        found.set_extended_header(np.frombuffer(copy_header(header, like), "V1"))
    set_pixel_size(header, pixel_size)
    add_label(header, label)
    return found


def storable(
    path: Path, data: Pixels, output: Literal["float32", "float16"], found: Statistics
) -> NDArray[Any]:
    """Return the pixels in the wanted format, or raise ``O13`` where that would lose values."""
    if not found.are_finite:
        bad = non_finite(data)
        what = f"{bad.count:,} NaN or infinite pixels, the first at row {bad.row:,}, column {bad.column:,}"
        fix = "Train again, or use another model"
        raise OutputError("O13", path, what, kept="Nothing was written", fix=fix)
    largest = max(found.most, -found.least)
    if output == "float16" and largest > LARGEST_FLOAT16:
        what = f"values up to {largest:g} do not fit float16 (at most {LARGEST_FLOAT16:,})"
        fix = "Choose float32 as output format"
        raise OutputError("O13", path, what, kept="Nothing was written", fix=fix)
    return np.ascontiguousarray(data, dtype="<f2" if output == "float16" else "<f4")
