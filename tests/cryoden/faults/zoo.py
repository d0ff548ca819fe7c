"""The zoo: one file of each fault, made byte by byte, and what is said of it everywhere."""

from __future__ import annotations

import bz2
import gzip
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.cryoden.hostile import NX, NY, header, pixels

Make = Callable[[Path], object]
LARGEST = 2**31 - 1


@dataclass(frozen=True)
class Fault:
    """One file.

    Parameters
    ----------
    code : str
        Of the refusal, or of the warning.
    words : str
        What must be said of it: found and expected.
    make : callable
        Writes it to a path.
    name : str
        The file's name.
    is_read : bool
        Whether it is read, with a warning.
    """

    code: str
    words: str
    make: Make
    name: str = "m.mrc"
    is_read: bool = False

    def __str__(self) -> str:
        return f"{self.code} {self.words}"


def _of(*blocks: bytes) -> Make:
    return lambda path: path.write_bytes(b"".join(blocks))


def _with(words: dict[int, int | float], data: bytes = pixels(), **parts: bytes) -> Make:
    return _of(header("<", words=words, **parts), data)


def _size(*sides: int) -> Make:
    return _with(dict(zip((1, 2, 3), sides, strict=True)))


def _floats(place: int, value: float) -> Make:
    values = np.frombuffer(pixels(), "<f4").copy()
    values[place] = value
    return _of(header(), values.tobytes())


def _tiff(width: int, height: int, data: bytes, *, bits: int = 32, samples: int = 1) -> Make:
    """Write a little-endian TIFF file of one strip, whose tags say what they like."""
    entries = [(256, 4, width), (257, 4, height), (258, 3, bits), (259, 3, 1), (262, 3, 1 + (samples > 1))]
    entries += [(273, 4, 8), (277, 3, samples), (278, 4, height), (279, 4, len(data)), (339, 3, 3)]
    table = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return _of(
        b"II*\0", struct.pack("<I", 8 + len(data)), data, struct.pack("<H", len(entries)), table, bytes(4)
    )


def _folder(path: Path) -> None:
    path.mkdir()


def _damaged_gzip(path: Path) -> None:
    raw = bytearray(gzip.compress(header() + pixels()))
    raw[-8] ^= 1  # of the checksum
    path.write_bytes(raw)


BOMB = header(words={1: 30_000, 2: 30_000, 8: 30_000, 9: 30_000}) + bytes(1 << 20)
FLOATS = 4 * NX * NY
EXTENDED = bytes(96)

REFUSED = [
    Fault("F01", "empty file (0 bytes)", _of()),
    Fault("F02", f"has a header but no pixels: 1,024 bytes, header promises {FLOATS:,} more", _of(header())),
    Fault("F03", f"truncated: {1023 + FLOATS:,} of {1024 + FLOATS:,} bytes", _of(header(), pixels()[:-1])),
    Fault("F03", "truncated: 500 of 1,024 bytes", _of(header()[:500])),
    Fault("F05", "impossible size", _size(LARGEST, LARGEST, LARGEST)),
    Fault("F06", "2,147,483,647 × 2,147,483,647", _size(LARGEST, LARGEST, 1)),
    Fault("F07", "nx = -64 is not a size", _size(-64, NY, 1)),
    Fault("F08", "nx = -64 and ny = -48", _size(-64, -48, 1)),
    Fault("F09", "has no pixels", _size(NX, 0, 1)),
    Fault("F10", "2,147,483,647-byte extended header", _with({24: LARGEST})),
    Fault("F12", "4,096-byte extended header but file is 4,096 bytes short", _with({24: 4096})),
    Fault("F15", "the sizes do not add up", _of(header(mark=bytes(4)), pixels(), bytes(37))),
    Fault("F19", "this is a transform, not a micrograph", _with({4: 4}, 2 * pixels())),
    Fault("F20", "4-bit pixels (mode 101) are not supported", _with({4: 101}, bytes(NX // 2 * NY))),
    Fault("F23", "first 1,024 bytes are not an MRC header", _with({4: 154285104}, mark=b"\1\2\3\4")),
    Fault("F24", "1 pixel is NaN or infinite, the first at row 1, column 36", _floats(100, np.nan)),
    Fault("F24", "1 pixel is NaN or infinite, the first at row 0, column 0", _floats(0, np.inf)),
    Fault("F25", "no contrast: std = 0", _of(header(), bytes(FLOATS))),
    Fault("F29", "axes mapc, mapr, maps", _with({17: 1, 18: 1, 19: 3})),
    Fault("F30", "mz = 0", _with({23: 401, 10: 0})),
    Fault("F32", "4 images of 64 × 48: a stack", _with({3: 4}, 4 * pixels())),
    Fault("F32", "this is a volume", _with({3: 4, 10: 4, 23: 1}, 4 * pixels())),
    Fault("F46", "starts with '<!DOCTYPE html>", _of(b"<!DOCTYPE html><html>", b" not found" * 300)),
    Fault("F46", "starts with", _of(b"\x89PNG\r\n\x1a\n", bytes(3000))),
    Fault("F49", "is a folder", _folder),
    Fault("F49", "cannot be read", lambda path: path.symlink_to(path)),
    Fault("F49", "named pipe", os.mkfifo),
    Fault("F49", "No such file", lambda _: None),
    Fault(
        "F60",
        "ends early",
        lambda path: path.write_bytes(gzip.compress(header() + pixels())[:9000]),
        "m.mrc.gz",
    ),
    Fault("F61", "cannot be unpacked as gzip", _damaged_gzip, "m.mrc.gz"),
    Fault("F62", "impossible size", lambda path: path.write_bytes(gzip.compress(BOMB)), "m.mrc.gz"),
    Fault("F62", "impossible size", lambda path: path.write_bytes(bz2.compress(BOMB)), "m.mrc.bz2"),
    Fault("F06", "60,000 × 60,000 pixels are too many", _tiff(60_000, 60_000, bytes(16_000)), "m.tif"),
    Fault("F62", "impossible size", _tiff(20_000, 20_000, bytes(16_000)), "m.tif"),
    Fault("F64", "color image", _tiff(8, 8, bytes(192), bits=8, samples=3), "m.tif"),
]
READ = [
    Fault("F04", "37 extra bytes", _of(header(), pixels(), bytes(37)), is_read=True),
    Fault(
        "F13",
        "extended header",
        _of(header(words={24: 96}, exttyp=b"WHAT"), EXTENDED, pixels()),
        is_read=True,
    ),
    Fault("F15", "no 'MAP ' stamp", _with({}, mark=b"\0\0\0\0"), is_read=True),
    Fault("F16", "machine stamp", _with({}, stamp=bytes(4)), is_read=True),
    Fault("F21", "8-bit pixels read as", _with({4: 0}, pixels("i1")), is_read=True),
    Fault("F28", "no pixel size", _with({11: 0.0, 12: 0.0}), is_read=True),
    Fault("F29", "rows and columns are exchanged", _with({17: 2, 18: 1, 8: NY, 9: NX}), is_read=True),
]
EVERY = [*REFUSED, *READ]
