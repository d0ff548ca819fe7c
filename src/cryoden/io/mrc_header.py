"""The first 1,024 bytes of an MRC file, and opening files that may be anything.

Layout: MRC2014 (Cheng et al. 2015, J. Struct. Biol. 192, 146). Words are numbered from 1 as
in that description.
"""

from __future__ import annotations

import os
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cryoden.errors import MicrographError
from cryoden.io.retrying import retried

HEADER_BYTES = 1024
PIXEL_BYTES = {0: 1, 1: 2, 2: 4, 3: 4, 4: 8, 6: 2, 12: 2}
PACKED = 101  # two 4-bit pixels in a byte
LABELS, LABEL_BYTES = 10, 80
EXTENDED_ENTRIES = {b"FEI1": 768, b"FEI2": 888}  # bytes of the entry of one section

ByteOrder = Literal["<", ">"]
STAMPS: dict[bytes, ByteOrder] = {b"DD": "<", b"DA": "<", b"\x11\x11": ">"}


@dataclass(frozen=True)
class Header:
    """Raw fields, read in one byte order. Python integers only, so that nothing overflows."""

    raw: bytes
    order: ByteOrder

    def integer(self, word: int) -> int:
        """Return the 4-byte integer at word ``word``."""
        return int(struct.unpack_from(self.order + "i", self.raw, 4 * (word - 1))[0])

    def real(self, word: int) -> float:
        """Return the 4-byte float at word ``word``."""
        return float(struct.unpack_from(self.order + "f", self.raw, 4 * (word - 1))[0])

    @property
    def size(self) -> tuple[int, int, int]:
        """Columns, rows and sections as stored."""
        return self.integer(1), self.integer(2), self.integer(3)

    @property
    def mode(self) -> int:
        """Number of the pixel format."""
        return self.integer(4)

    @property
    def known_mode(self) -> bool:
        """Whether any program writes this mode."""
        return self.mode == PACKED or self.mode in PIXEL_BYTES

    @property
    def extended(self) -> int:
        """Bytes of the extended header."""
        return self.integer(24)

    @property
    def extended_type(self) -> bytes:
        """Four letters naming the layout of the extended header."""
        return self.raw[104:108]

    @property
    def marked(self) -> bool:
        """Whether the mark ``MAP`` is in its place."""
        return self.raw[208:211] == b"MAP"

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that are not empty, oldest first."""
        starts = range(HEADER_BYTES - LABELS * LABEL_BYTES, HEADER_BYTES, LABEL_BYTES)
        texts = (self.raw[at : at + LABEL_BYTES].split(b"\0")[0].decode("latin-1") for at in starts)
        return tuple(text.strip() for text in texts if text.strip())

    @property
    def data_bytes(self) -> int:
        """Bytes of all pixels."""
        nx, ny, nz = self.size
        if self.mode == PACKED:
            return (nx + 1) // 2 * ny * nz
        return nx * ny * nz * PIXEL_BYTES.get(self.mode, 0)

    def adds_up(self, size: int) -> bool:
        """Tell whether header, extended header and pixels are exactly ``size`` bytes."""
        sane = min(self.size) > 0 and self.extended >= 0
        return self.known_mode and sane and HEADER_BYTES + self.extended + self.data_bytes == size


def in_byte_order(raw: bytes, size: int) -> tuple[Header, bool]:
    """Return the header in the byte order its content supports, and whether the stamp said so.

    Sizes that add up to the file decide, then a known mode, then the stamp.
    """
    stated = STAMPS.get(raw[212:214]) if raw[208:211] == b"MAP" else None

    def doubt(header: Header) -> tuple[bool, bool, bool, int]:
        return (
            not header.adds_up(size),
            not header.known_mode,
            header.order != stated,
            abs(header.integer(1)),
        )

    best = min((Header(raw, "<"), Header(raw, ">")), key=doubt)
    return best, best.order == stated


def open_regular(path: Path) -> int:
    """Open a regular file for reading, never waiting on anything else.

    Returns
    -------
    int
        A file descriptor the caller closes.

    Raises
    ------
    MicrographError
        ``F49`` for what is no regular file, ``F50`` when reading is not permitted.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        _refuse_irregular(path, path.stat().st_mode)  # before open: opening a device may act
        descriptor = os.open(path, flags)
    except PermissionError as error:
        raise _not_permitted(path) from error
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error
    try:
        _refuse_irregular(path, os.fstat(descriptor).st_mode)
    except MicrographError:
        os.close(descriptor)
        raise
    return descriptor


@retried
def bytes_of(path: Path, most: int) -> bytes:
    """Return what a regular file holds, at most so many bytes; errors as of `open_regular`."""
    with os.fdopen(open_regular(path), "rb") as file:
        try:  # room is made for all that is asked for
            return file.read(min(most, os.fstat(file.fileno()).st_size + 1))
        except OSError as error:
            raise unreadable(path, error) from error


@retried
def first_bytes(path: Path) -> tuple[bytes, int]:
    """Return the first 1,024 bytes (fewer in a shorter file) and the size of the file."""
    descriptor = open_regular(path)
    try:
        return os.read(descriptor, HEADER_BYTES), os.fstat(descriptor).st_size
    except OSError as error:
        raise unreadable(path, error) from error
    finally:
        os.close(descriptor)


def unreadable(path: Path, error: Exception) -> MicrographError:
    """Return ``F49`` with the system's reason."""
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return MicrographError(
        "F49", path, f"cannot be read: {reason}", kept="Skipped", fix="Check the path and the disk"
    )


def _refuse_irregular(path: Path, mode: int) -> None:
    kinds = (
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a named pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISREG, ""),
    )
    kind = next((name for test, name in kinds if test(mode)), "a device")
    if kind:
        raise MicrographError(
            "F49", path, f"is {kind}, not a file", kept="Skipped", fix="Give the path of an MRC file"
        )


def _not_permitted(path: Path) -> MicrographError:
    try:
        found = path.stat()
        detail = f" (mode {stat.filemode(found.st_mode)}, owner {_owner(found.st_uid)})"
    except OSError:
        detail = " (a folder on the way is closed)"
    return MicrographError(
        "F50", path, f"permission denied{detail}", kept="Skipped", fix="Ask the owner for read permission"
    )


def _owner(uid: int) -> str:
    try:
        import pwd  # noqa: PLC0415  # absent on Windows
    except ImportError:
        return str(uid)
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
