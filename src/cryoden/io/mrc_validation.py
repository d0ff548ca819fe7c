"""Which headers are refused, and in what words.

Every test is arithmetic on Python integers; a refusal allocates nothing.
"""

from __future__ import annotations

from pathlib import Path

from cryoden.errors import MicrographError, in_shell
from cryoden.io.mrc_header import HEADER_BYTES, PACKED, PIXEL_BYTES, Header

HUGE_EXTENDED = 2**28
MOST_BYTES = 2**40
MOST_PIXELS = 2**31  # of one section; a 46,000 px square
VOLUME_STACK = 401
COPY_AGAIN = "Copy it again"
SUPPORTED = "0, 1, 2, 6 and 12"

FOREIGN = {
    b"<html": "a web page",
    b"<HTML": "a web page",
    b"<!DOC": "a web page",
    b"<?xml": "an XML text",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"II*\0": "a TIFF image: name it .tif",
    b"MM\0*": "a TIFF image: name it .tif",
    b"II+\0": "a BigTIFF image: name it .tif",
    b"\x1f\x8b": "compressed by gzip: name it .mrc.gz",
    b"BZh": "compressed by bzip2: name it .mrc.bz2",
    b"\xfd7zXZ": "xz-compressed: unxz it first",
    b"\x28\xb5\x2f\xfd": "zstd-compressed: unzstd it first",
    b"\x89HDF": "an HDF5 file",
    b"PK\x03\x04": "a zip archive",
    b"\x93NUMPY": "a NumPy array",
}


def refuse(path: Path, header: Header, read: int, extended: int, size: int) -> None:
    """Raise `MicrographError` when the file cannot be read as MRC.

    Parameters
    ----------
    path : Path
        The file, for the message.
    header : Header
        Its header, filled with zeros where the file is shorter.
    read : int
        Bytes of the header that the file has.
    extended : int
        Bytes of extended header to reckon with.
    size : int
        Bytes of the file.
    """
    problem = (
        _foreign(header, read)
        or _impossible_size(header)
        or _unsupported_mode(path, header)
        or _impossible_grid(header)
        or _missing_bytes(header, extended, size)
        or _unmarked(header, extended, size)
    )
    if problem:
        code, what, fix = problem
        raise MicrographError(code, path, what, kept="Skipped", fix=fix)


Problem = tuple[str, str, str] | None


def _foreign(header: Header, read: int) -> Problem:
    start = header.raw[:16]
    if read == 0:
        return "F01", "empty file (0 bytes), likely an interrupted copy", COPY_AGAIN
    kind = next((name for mark, name in FOREIGN.items() if start.startswith(mark)), None)
    if kind is None and _is_text(start[:read]):  # as numbers these would be absurd sizes
        kind = "text"
    if kind:
        what = f"not an MRC file: starts with {_shown(start[:read])} ({kind})"
        return "F46", what, "Give an MRC file, or convert it to one"
    if read < HEADER_BYTES:
        return "F03", f"truncated: {read:,} of {HEADER_BYTES:,} bytes of header", COPY_AGAIN
    if not header.known_mode and not header.marked:
        what = f"first 1,024 bytes are not an MRC header (mode {header.mode}, starts with {_shown(start)})"
        return "F23", what, "Give an MRC file, or convert it to one"
    return None


def _is_text(start: bytes) -> bool:
    return all(byte in b"\t\n\r\f\x1b" or 32 <= byte < 127 for byte in start)


def _shown(start: bytes) -> str:
    return repr(start)[1:]


def _impossible_size(header: Header) -> Problem:
    sides = dict(zip(("nx", "ny", "nz"), header.size, strict=True))
    negative = [f"{name} = {side}" for name, side in sides.items() if side < 0]
    if negative:
        code = "F07" if len(negative) == 1 else "F08"
        return code, f"{' and '.join(negative)} is not a size", COPY_AGAIN
    if 0 in sides.values():
        what = f"has no pixels: nx, ny, nz = {', '.join(map(str, header.size))}"
        return "F09", what, "Repeat the processing step that wrote it"
    return None


def _unsupported_mode(path: Path, header: Header) -> Problem:
    mode = header.mode
    if mode in (3, 4):
        what = f"complex data (mode {mode}): this is a transform, not a micrograph"
        return "F19", what, "Give the image it was computed from"
    if mode == PACKED:
        names = f"{in_shell(path.name)} {in_shell(f'{path.stem}_16bit.mrc')}"
        fix = f"Convert it with IMOD: newstack -mode 1 {names}"
        return "F20", "4-bit pixels (mode 101) are not supported", fix
    if mode not in PIXEL_BYTES:
        return (
            "F23",
            f"mode = {mode} is not a pixel format of a micrograph (supported: {SUPPORTED})",
            COPY_AGAIN,
        )
    return None


def _impossible_grid(header: Header) -> Problem:
    axes = tuple(header.integer(word) for word in (17, 18, 19))
    if sorted(axes) != [1, 2, 3]:
        what = f"axes mapc, mapr, maps = {', '.join(map(str, axes))} are not 1, 2, 3 in any order"
        return "F29", what, "Repair the header, for example with IMOD's alterheader"
    group, grid = header.integer(23), header.integer(10)
    if VOLUME_STACK <= group <= 630 and grid <= 0:
        what = f"volume stack (space group {group}) with mz = {grid} sections for each volume"
        return "F30", what, "Repair the header, for example with IMOD's alterheader"
    return None


def _missing_bytes(header: Header, extended: int, size: int) -> Problem:
    data = header.data_bytes
    promised = HEADER_BYTES + extended + data
    if extended >= 0 and size >= promised:
        return _too_large(header)
    if extended < 0 or size == HEADER_BYTES + data or extended > size - HEADER_BYTES > 0:
        return _no_extended(header, extended, size)
    if size in (HEADER_BYTES, HEADER_BYTES + extended):
        what = f"has a header but no pixels: {size:,} bytes, header promises {promised - size:,} more"
        return "F02", what, COPY_AGAIN
    if data > MOST_BYTES:
        return _impossible(header, data, size)
    return "F03", f"truncated: {size:,} of {promised:,} bytes", COPY_AGAIN


def _no_extended(header: Header, extended: int, size: int) -> Problem:
    data = header.data_bytes
    fits = size >= HEADER_BYTES + data
    fix = "Pass --assume-no-ext-header to read pixels from byte 1,024" if fits else COPY_AGAIN
    if not 0 <= extended < HUGE_EXTENDED:
        what = f"header says {extended:,}-byte extended header, the file has {size:,} bytes"
        return "F10", what, fix
    missing = HEADER_BYTES + extended + data - size
    what = f"header says {extended:,}-byte extended header but file is {missing:,} bytes short"
    return "F12", what, fix


def _too_large(header: Header) -> Problem:
    nx, ny, _ = header.size
    if nx * ny > MOST_PIXELS:
        return "F06", f"{nx:,} × {ny:,} pixels are too many for a micrograph", "Cut it into parts"
    return None


def _impossible(header: Header, data: int, size: int) -> Problem:
    code = "F06" if header.size[2] == 1 else "F05"
    shape = " × ".join(f"{side:,}" for side in header.size)
    return code, f"impossible size: {shape} pixels need {data:,} bytes, the file has {size:,}", COPY_AGAIN


def _unmarked(header: Header, extended: int, size: int) -> Problem:
    promised = HEADER_BYTES + extended + header.data_bytes
    if header.marked or promised == size:
        return None
    what = f"no 'MAP ' stamp, and the sizes do not add up: {promised:,} promised, {size:,} found"
    return "F15", what, "Give an MRC file, or copy it again"


def no_contrast(path: Path | str, value: float) -> MicrographError:
    """Return ``F25`` for a micrograph of one value."""
    return MicrographError(
        "F25",
        path,
        f"no contrast: std = 0, every pixel is {value:g}",
        kept="Skipped",
        fix="Repeat the processing step that wrote it",
    )
