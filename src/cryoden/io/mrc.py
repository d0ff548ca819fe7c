"""MRC files in and out. The only module that knows mrcfile, and only to write."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import numpy as np
from mrcfile.mrcobject import MrcObject
from numpy.typing import NDArray

from cryoden.errors import MicrographError, OutputError, Remark
from cryoden.io.mrc_header_copy import add_label, copy_header, set_pixel_size
from cryoden.io.mrc_probe import Mode0, probe, with_listed
from cryoden.io.mrc_sections import one_section
from cryoden.io.mrc_windows import MicrographFile, non_finite
from cryoden.micrograph import Micrograph, Pixels

SUFFIXES = (".mrc", ".mrcs", ".map", ".st", ".rec")
BLOCK_BYTES = 2**24
LARGEST_FLOAT16 = 65_504


def is_micrograph_name(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file name ends like an MRC file, in any case of letters."""
    return os.fspath(path).lower().endswith(SUFFIXES)


def open_micrograph(
    path: str | os.PathLike[str],
    *,
    pixel_size: float | None = None,
    listed: float | None = None,
    section: int | None = None,
    mode0: Mode0 = "auto",
    assume_no_extended_header: bool = False,
) -> MicrographFile:
    """Open a micrograph for reading windows.

    Parameters
    ----------
    path : path
        An MRC file of one section, or a stack.
    pixel_size : float or None
        Å/px to use in place of the header's.
    listed : float or None
        Å/px of a STAR file, see `cryoden.io.mrc_probe.with_listed`.
    section : int or None
        Which image of a stack, see `cryoden.io.mrc_sections.one_section`.
    mode0, assume_no_extended_header
        See `cryoden.io.mrc_probe.probe`.

    Returns
    -------
    MicrographFile
        To be closed, or used in a ``with`` statement.

    Raises
    ------
    MicrographError
        What `probe` refuses, and ``F32`` for stacks and volumes.
    """
    facts = probe(path, mode0=mode0, assume_no_extended_header=assume_no_extended_header)
    return MicrographFile(with_listed(one_section(facts, section), listed), pixel_size)


def read(
    path: str | os.PathLike[str],
    *,
    pixel_size: float | None = None,
    listed: float | None = None,
    mode0: Mode0 = "auto",
    assume_no_extended_header: bool = False,
    nan: Literal["refuse", "mean"] = "refuse",
) -> Micrograph:
    """Read a whole micrograph.

    Takes and raises what `open_micrograph` and `whole` do, and returns what `whole` does.
    """
    file = open_micrograph(
        path,
        pixel_size=pixel_size,
        listed=listed,
        mode0=mode0,
        assume_no_extended_header=assume_no_extended_header,
    )
    return whole(file, nan)


def whole(file: MicrographFile, nan: Literal["refuse", "mean"] = "refuse") -> Micrograph:
    """Read all of a micrograph that is open, and close it.

    Parameters
    ----------
    file : MicrographFile
        From `open_micrograph`.
    nan : {"refuse", "mean"}
        What to do with pixels that are no numbers: refuse the file, or replace them by the
        mean of the others and say so in the micrograph's warnings.

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
        data = _pixels(file)
    warnings = file.warnings
    warnings += _mended(data, file, nan)
    _refuse_flat(data, file)
    return Micrograph(data, file.pixel_size, file.name, file.path, warnings)


def _pixels(file: MicrographFile) -> Pixels:
    """Read all pixels in blocks, so that at most one block exists in the file's own type."""
    height, width = file.shape
    data = np.empty((height, width), np.float32)
    step = max(1, BLOCK_BYTES // (4 * file.facts.nx))
    for start in range(0, file.facts.ny, step):
        count = min(step, file.facts.ny - start)
        rows, columns = slice(start, start + count), slice(0, width)
        if file.facts.transposed:
            rows, columns = slice(0, height), slice(start, start + count)
        data[rows, columns] = file.unchecked(
            rows.start, columns.start, rows.stop - rows.start, columns.stop - columns.start
        )
    return data


def _mended(data: Pixels, file: MicrographFile, nan: Literal["refuse", "mean"]) -> tuple[Remark, ...]:
    """Replace what is no number by the mean of the rest, and say so; or refuse."""
    bad = non_finite(data)
    if not bad.count:
        return ()
    finite = np.isfinite(data)
    if nan == "refuse" or not finite.any():
        raise bad.error(file.facts.path)
    data[~finite] = data[finite].mean(dtype=np.float64)
    return (Remark("F24", f"{bad.count:,} NaN or infinite pixels replaced by the mean of the others"),)


def _refuse_flat(data: Pixels, file: MicrographFile) -> None:
    low, high = float(data.min()), float(data.max())
    if low == high:
        raise MicrographError(
            "F25",
            file.facts.path,
            f"no contrast: std = 0, every pixel is {low:g}",
            kept="Skipped",
            fix="Repeat the processing step that wrote it",
        )


class Composed(MrcObject):  # type: ignore[misc]  # mrcfile ships no types
    """A file in memory. mrcfile's own file object stays open when the disk is full."""

    def __init__(self) -> None:
        super().__init__()
        self._create_default_attributes()


def write(
    path: Path,
    data: Pixels,
    *,
    pixel_size: float | None,
    like: Path | None = None,
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
    like : Path or None
        A file whose header is copied: origin, start, labels, space group, and the extended
        header byte for byte. Mode, statistics and one label are new.
    label : str
        What made this file, at most 80 letters. Replaces the tenth when all ten are taken.
    output : {"float32", "float16"}
        Pixel format, mode 2 or 12.

    Raises
    ------
    OutputError
        ``O13`` when a value cannot be stored: NaN, infinite, or too large for float16.
    MicrographError
        What `probe` refuses about ``like``.
    """
    pixels = storable(path, data, output)
    made = composed(pixels, pixel_size, like, label)
    _set_statistics(made.header, pixels)
    with path.open("wb") as file:
        for part in (made.header, made.extended_header, pixels):
            file.write(part.tobytes() if part.ndim < 2 else part.data)


def composed(
    pixels: NDArray[Any], pixel_size: float | None, like: Path | None, label: str, images: int | None = None
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


def storable(path: Path, data: Pixels, output: Literal["float32", "float16"]) -> NDArray[Any]:
    """Return the pixels in the wanted format, or raise ``O13`` where that would lose values."""
    bad = non_finite(data)
    if bad.count:
        what = f"{bad.count:,} NaN or infinite pixels, the first at row {bad.row:,}, column {bad.column:,}"
        fix = "Train again, or use another model"
        raise OutputError("O13", path, what, kept="Nothing was written", fix=fix)
    largest = max(float(data.max()), -float(data.min()))
    if output == "float16" and largest > LARGEST_FLOAT16:
        what = f"values up to {largest:g} do not fit float16 (at most {LARGEST_FLOAT16:,})"
        fix = "Choose float32 as output format"
        raise OutputError("O13", path, what, kept="Nothing was written", fix=fix)
    return np.ascontiguousarray(data, dtype="<f2" if output == "float16" else "<f4")


def _set_statistics(header: Any, pixels: NDArray[Any]) -> None:
    """Correct what mrcfile computed: the mean in double precision, and a risky deviation.

    Checkers sum float16 pixels in float16, which overflows for a whole micrograph, and then
    call a right deviation wrong; the format lets it be undetermined.
    """
    header.dmean = pixels.mean(dtype=np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        if not np.isclose(pixels.std(), header.rms, rtol=0.005):
            header.rms = -1
