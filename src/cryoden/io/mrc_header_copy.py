"""What the header of a written MRC file says: of the file it was made from, and of its pixels.

Works on mrcfile's header record, whose fields are named as in the MRC2014 description.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from cryoden.io.mrc_header import (
    EXTENDED_ENTRIES,
    HEADER_BYTES,
    LABEL_BYTES,
    LABELS,
    Header,
    first_bytes,
    in_byte_order,
    open_regular,
)
from cryoden.micrograph import Pixels, Statistics

COPIED = ("nxstart", "nystart", "nzstart", "cellb", "label", "nlabl")
COPIED_FROM_MARKED = ("origin", "extra1", "exttyp", "extra2")  # elsewhere in files without "MAP"
SERIAL_ENTRY = 128  # where SerialEM's header has them
SAME = 1e-6
BLOCK = 1 << 17  # pixels that stay in a processor's cache
RISKY = 1e5  # times the deviation: from such a mean on, single precision gets the deviation wrong

Record = Any  # mrcfile's numpy record array has no static type


@dataclass(frozen=True)
class Original:
    """A header to copy: its 1,024 bytes, the same as fields, and the bytes of its extended header."""

    raw: bytes
    header: Header
    extended: bytes


def original(path: Path) -> Original:
    """Return the header of a file, and its extended header; none where the file is too short to hold one."""
    raw, size = first_bytes(path)
    header, _ = in_byte_order(raw, size)
    if not 0 < header.extended <= size - HEADER_BYTES - header.data_bytes:
        return Original(raw, header, b"")
    with os.fdopen(open_regular(path), "rb") as file:
        file.seek(HEADER_BYTES)
        return Original(raw, header, file.read(header.extended))


def of_sections(whole: Original, sections: Sequence[int]) -> Original:
    """Return a header with the entries of some sections, from 0, in its extended header; all stay whole.

    Entries of a layout that is not known are left out: those of other sections would be taken for theirs.
    """
    count = whole.header.size[2]
    if not whole.extended or list(sections) == list(range(count)):
        return whole
    step = _entry_bytes(whole.header)
    if step <= 0 or step * count > len(whole.extended):
        return replace(whole, extended=b"")
    entries = (whole.extended[step * one : step * (one + 1)] for one in sections)
    return replace(whole, extended=b"".join(entries))


def _entry_bytes(header: Header) -> int:
    """Return how long the entry of one section is: fixed for FEI, a field of the header for SerialEM."""
    if header.extended_type in {b"SERI", b"\0\0\0\0"}:
        return int(struct.unpack_from(header.order + "h", header.raw, SERIAL_ENTRY)[0])
    return EXTENDED_ENTRIES.get(header.extended_type, 0)


def copy_header(header: Record, like: Original) -> bytes:
    """Copy the fields that outlive denoising from ``like``.

    Parameters
    ----------
    header : record array
        Header of the file being written; changed in place. Pixel format, size and statistics
        stay as they are.
    like : Original
        The source. Its byte order does not matter.

    Returns
    -------
    bytes
        The extended header, byte for byte; empty where the file is too short to hold one.
    """
    found = like.header
    source = np.frombuffer(like.raw, header.dtype.newbyteorder(found.order)).reshape(()).view(np.recarray)
    for field in (*COPIED, *(COPIED_FROM_MARKED if found.marked else ())):
        header[field] = source[field]
    header.ispg = max(0, int(source.ispg))
    if int(source.mapc) > int(source.mapr):
        header.nxstart, header.nystart = int(source.nystart), int(source.nxstart)
    elif (int(source.nx), int(source.ny)) == (int(header.nx), int(header.ny)):
        header.mx, header.my, header.cella = source.mx, source.my, source.cella
    else:  # starts are counted in pixels, of which there are fewer
        header.nxstart = round(int(source.nxstart) * int(header.nx) / int(source.nx))
        header.nystart = round(int(source.nystart) * int(header.ny) / int(source.ny))
    if int(header.nz) == int(source.nz):
        header.mz = source.mz
    elif int(source.mz) == int(source.nz):  # a grid point for each section
        header.mz = header.nz
        depth = float(source.cella.z) * int(header.nz) / int(source.nz)
        header.cella = (header.cella.x, header.cella.y, depth)
    if not like.extended:
        header.exttyp = b""
    return like.extended


def set_pixel_size(header: Record, pixel_size: float | None) -> None:
    """Write the cell for a pixel size in Å/px; an unknown one leaves the cell empty.

    A cell that says the same already is left as it is, so that nothing is rounded twice.
    """
    if pixel_size is None:
        header.mx, header.my = header.nx, header.ny
        header.cella = (0.0, 0.0, 0.0)
    elif not _says(header, pixel_size):
        header.mx, header.my = header.nx, header.ny
        header.cella = (
            pixel_size * int(header.nx),
            pixel_size * int(header.ny),
            pixel_size * max(1, int(header.mz)),
        )


def _says(header: Record, pixel_size: float) -> bool:
    grid, cell = int(header.mx), float(header.cella.x)
    across, along = int(header.my), float(header.cella.y)
    if min(grid, across) <= 0 or not math.isfinite(along) or along <= 0:
        return False
    return all(math.isclose(size, pixel_size, rel_tol=SAME) for size in (cell / grid, along / across))


def in_ascii(text: str) -> str:
    """Return text with a question mark for each letter that is none of ASCII."""
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text)


def add_label(header: Record, label: str) -> None:
    """Add a label for each line after the others, without gaps; the last give way when all are taken."""
    texts = list(map(in_ascii, label.split("\n")))
    kept = [bytes(old) for old in header.label if bytes(old).strip(b" \0")]
    labels = [*kept[: LABELS - len(texts)], *(text[:LABEL_BYTES].encode("ascii") for text in texts)]
    header.label = np.array(labels + [b""] * (LABELS - len(labels)), dtype=f"S{LABEL_BYTES}")
    header.nlabl = len(labels)


def put_statistics(header: Any, found: Statistics, pixel_format: Literal["float32", "float16"]) -> None:
    """Set statistics in a header of mrcfile.

    The format lets the deviation be undetermined, and so it is where checkers get it wrong, and then call
    a right one wrong: they sum float16 pixels in float16, which overflows for a whole micrograph.
    """
    stored = np.dtype(pixel_format).type
    header.dmin, header.dmax, header.dmean = stored(found.least), stored(found.most), found.mean
    deviation = math.sqrt(found.variance)
    is_safe = pixel_format == "float32" and abs(found.mean) < RISKY * deviation
    header.rms = deviation if is_safe or not deviation else -1


def statistics(pixels: Pixels) -> Statistics:
    """Measure float32 pixels of any shape, in double precision."""
    flat = np.ascontiguousarray(pixels).reshape(-1)
    blocks = [_of_block(flat[start : start + BLOCK]) for start in range(0, len(flat), BLOCK)]
    return together(blocks, [min(BLOCK, len(flat) - start) for start in range(0, len(flat), BLOCK)])


def together(parts: list[Statistics], numbers: list[int]) -> Statistics:
    """Return the statistics of all parts, of so many pixels each."""
    least, most, means, variances = np.array(
        [(one.least, one.most, one.mean, one.variance) for one in parts]
    ).T
    with np.errstate(invalid="ignore"):  # of what is no number
        mean = np.average(means, weights=numbers)
        variance = np.average(variances + (means - mean) ** 2, weights=numbers)
    return Statistics(float(least.min()), float(most.max()), float(mean), float(variance))


def _of_block(block: Pixels) -> Statistics:
    with np.errstate(over="ignore", invalid="ignore"):  # of what is no number
        least, most, values = float(block.min()), float(block.max()), block.astype(np.float64)
        mean = float(values.mean())
        values -= mean
        # No dot product, for which a library would wake up a thread for each processor.
        return Statistics(least, most, mean, float(np.square(values, out=values).mean()))
