"""Facts of an MRC file from its first 1,024 bytes and its size, by integer arithmetic.

Nothing is allocated from what a header claims: every size is compared with the size of the
file before anything reads pixels.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cryoden.errors import Remark
from cryoden.io.mrc_header import (
    EXTENDED_ENTRIES,
    HEADER_BYTES,
    ByteOrder,
    Header,
    first_bytes,
    in_byte_order,
)
from cryoden.io.mrc_validation import refuse
from cryoden.io.pixel_size import of_header

Mode0 = Literal["auto", "signed", "unsigned"]
Kind = Literal["micrograph", "stack", "volume"]

PIXEL_TYPES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}
EXTENDED_TYPES = {b"CCP4", b"MRCO", b"SERI", b"AGAR", b"HDF5", *EXTENDED_ENTRIES}
STACKS = (".mrcs", ".st")  # by which other programs distinguish stacks from volumes
IMOD_STAMP, IMOD_SIGNED = 1146047817, 1


@dataclass(frozen=True)
class HeaderFacts:
    """What a header says, checked against the size of the file.

    Parameters
    ----------
    path : Path
        The file.
    nx, ny, nz : int
        Columns, rows and sections as stored, before any reordering of axes.
    mode : int
        MRC mode number.
    byte_order : {"<", ">"}
        Little- or big-endian.
    dtype : str
        Pixel type in numpy's notation, for example ``"<f4"``.
    extended_bytes, data_offset : int
        Length of the extended header, and where pixels start.
    pixel_size : float or None
        Å/px; ``None`` where the header does not say.
    axes : tuple of int
        ``(mapc, mapr, maps)``, the axes along columns, rows and sections.
    kind : {"micrograph", "stack", "volume"}
        What one or many sections stand for.
    warnings : tuple of Remark
        What the file was read in spite of.
    labels : tuple of str
        What programs wrote about the file, oldest first.
    packed : str
        Suffix of a format whose pixels do not lie in the file as they are, such as ``.gz``; else empty.
    """

    path: Path
    nx: int
    ny: int
    nz: int
    mode: int
    byte_order: ByteOrder
    dtype: str
    extended_bytes: int
    data_offset: int
    pixel_size: float | None
    axes: tuple[int, int, int]
    kind: Kind
    warnings: tuple[Remark, ...]
    labels: tuple[str, ...] = ()
    packed: str = ""

    @property
    def section_bytes(self) -> int:
        """Bytes of the pixels of one section."""
        return self.nx * self.ny * int(self.dtype[-1])

    @property
    def transposed(self) -> bool:
        """Whether stored columns run along the later of the two axes in the plane."""
        return self.axes[0] > self.axes[1]

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of one section in pixels, axes in order."""
        return (self.nx, self.ny) if self.transposed else (self.ny, self.nx)


def probe(
    path: str | os.PathLike[str], *, mode0: Mode0 = "auto", assume_no_extended_header: bool = False
) -> HeaderFacts:
    """Read the header of an MRC file and check it against the size of the file.

    Parameters
    ----------
    path : path
        The file; no more than its first 1,024 bytes are read.
    mode0 : {"auto", "signed", "unsigned"}
        How to take 8-bit pixels; ``"auto"`` decides by the IMOD stamp, else by the header's
        smallest and largest value, and says so in a warning.
    assume_no_extended_header : bool
        Take pixels to start at byte 1,024 where the file is too short for the extended header
        that its header promises; other files are read as usual.

    Returns
    -------
    HeaderFacts
        Everything needed to read the pixels.

    Raises
    ------
    MicrographError
        ``F01`` to ``F30``, ``F46``, ``F49``, ``F50``: see ``docs/messages.md``.
    """
    path = Path(path)
    raw, size = first_bytes(path)
    return facts_of(path, raw, size, mode0=mode0, assume_no_extended_header=assume_no_extended_header)


def facts_of(
    path: Path,
    raw: bytes,
    size: int | None,
    *,
    name: Path | None = None,
    mode0: Mode0 = "auto",
    assume_no_extended_header: bool = False,
) -> HeaderFacts:
    """Return what the first bytes of an MRC file say, of so many bytes in all; see `probe`.

    Of a compressed file the ``size`` is not known, and taken to be what the header promises. ``name`` is the
    one it has once it is unpacked.
    """
    header, stamped = in_byte_order(raw.ljust(HEADER_BYTES, b"\0"), -1 if size is None else size)
    extended = header.extended
    if size is None:
        size = HEADER_BYTES + max(0, extended) + header.data_bytes
    if assume_no_extended_header and not 0 <= extended <= size - HEADER_BYTES - header.data_bytes:
        extended = 0  # only where it is not in the file: elsewhere this would shift the pixels
    refuse(path, header, len(raw), extended, size)
    warnings: list[Remark] = []
    warnings += _about_bytes(header, stamped, extended, size)
    axes = _axes(header, warnings)
    dtype = _pixel_type(header, mode0, warnings)
    pixel_size, odd = of_header(header, axes)
    nx, ny, nz = header.size
    return HeaderFacts(
        path=path,
        nx=nx,
        ny=ny,
        nz=nz,
        mode=header.mode,
        byte_order=header.order,
        dtype=dtype,
        extended_bytes=extended,
        data_offset=HEADER_BYTES + extended,
        pixel_size=pixel_size,
        axes=axes,
        kind=_kind(name or path, header),
        warnings=(*warnings, *odd),
        labels=header.labels,
        packed="" if name is None else path.suffix.lower(),
    )


def _about_bytes(header: Header, stamped: bool, extended: int, size: int) -> list[Remark]:
    """Return the warnings about marks, byte order, extended header and extra bytes."""
    said = []
    order = "little-endian" if header.order == "<" else "big-endian"
    if not header.marked:
        said.append(Remark("F15", "no 'MAP ' stamp (old format); read because all sizes add up"))
    elif not stamped:
        said.append(
            Remark("F16", f"machine stamp {header.raw[212:216].hex(' ')} does not fit; read as {order}")
        )
    if extended:
        said += _about_extended(header, extended)
    extra = size - HEADER_BYTES - extended - header.data_bytes
    if extra:
        said.append(Remark("F04", f"{extra:,} extra bytes after the last pixel are ignored"))
    return said


def _about_extended(header: Header, extended: int) -> list[Remark]:
    said = []
    kind = header.extended_type
    entry = EXTENDED_ENTRIES.get(kind, 1)
    if kind not in EXTENDED_TYPES:
        said.append(Remark("F13", f"unknown extended header type {kind!r}; its {extended:,} bytes are kept"))
    elif extended % entry:
        said.append(
            Remark("F13", f"extended header of {extended:,} bytes is no multiple of {entry}; kept as it is")
        )
    if header.order == ">":
        said.append(Remark("F17", "big-endian file: output is little-endian, extended header bytes stay"))
    return said


def _axes(header: Header, warnings: list[Remark]) -> tuple[int, int, int]:
    axes = (header.integer(17), header.integer(18), header.integer(19))
    if axes[0] > axes[1]:
        warnings.append(Remark("F29", f"axes are stored in the order {axes}; rows and columns are exchanged"))
    return axes


def _kind(path: Path, header: Header) -> Kind:
    """Tell stacks of images from volumes: by suffix, then by space group and grid."""
    nz, grid, group = header.size[2], header.integer(10), header.integer(23)
    if nz == 1:
        return "micrograph"
    if (group == 0 and grid != nz) or path.suffix.lower() in STACKS:  # of which many say group 1
        return "stack"
    return "volume"


def _pixel_type(header: Header, mode0: Mode0, warnings: list[Remark]) -> str:
    if header.mode != 0:
        return header.order + PIXEL_TYPES[header.mode]
    signed, reason = _signed(header) if mode0 == "auto" else (mode0 == "signed", "as set")
    word = "signed" if signed else "unsigned"
    warnings.append(
        Remark("F21", f"8-bit pixels read as {word} ({reason}); --mode0 signed|unsigned overrides")
    )
    return "i1" if signed else "u1"


def _signed(header: Header) -> tuple[bool, str]:
    """Decide whether 8-bit pixels have a sign; MRC2014 says yes, older IMOD files say no."""
    if header.integer(39) == IMOD_STAMP:
        signed = bool(header.integer(40) & IMOD_SIGNED)
        return signed, f"IMOD flag {'set' if signed else 'not set'}"
    low, high = header.real(20), header.real(21)
    if low < 0 and low <= high:
        return True, f"smallest value in the header is {low:g}"
    if high > 127:
        return False, f"largest value in the header is {high:g}"
    return True, "the MRC2014 rule; the header does not say"
