"""TIFF files, of any compression. The only module that knows tifffile.

RELION, IMOD and MotionCor turn the rows of TIFF files upside down when they read or write them, whatever
the tag of orientation says, because their first row is at the top and that of MRC files at the bottom
(RELION's documentation, Conventions). So do all that use this module: a picture stays the same picture.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from cryoden.errors import MicrographError
from cryoden.io.mrc_header import first_bytes, unreadable

EXTRA = "Install it: pip install 'napari-cryoden[movies]'"
BIG = 2**32 - 2**20  # bytes that offsets of 32 bits reach, with some room for tags
GRAY = {0, 1}  # photometric interpretations: white or black is zero
DAMAGED = (ValueError, KeyError, IndexError, TypeError, struct.error, OSError)


class TiffPages:
    """The pages of a TIFF file, which is open until this is closed.

    Raises
    ------
    MicrographError
        ``F01`` of an empty file, ``F03`` of a truncated one, ``F49`` of what is no TIFF file, or damaged,
        ``F54`` where a package is missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        _, size = first_bytes(path)
        if size == 0:
            raise MicrographError("F01", path, "empty file (0 bytes)", kept="Skipped", fix="Copy it again")
        tifffile = _tifffile(path)
        with ExitStack() as stack:
            try:
                self.file: Any = stack.enter_context(tifffile.TiffFile(path))
                self.pages: list[Any] = list(self.file.pages)
                _refuse_truncated(path, self.file, self.pages, size)
            except DAMAGED as error:
                raise damaged(path, error) from error
            self._stack = stack.pop_all()

    def decoded(self, page: Any) -> NDArray[Any]:
        """Return the pixels of a page, rows as they are stored."""
        try:
            return np.asarray(page.asarray(maxworkers=1))
        except Exception as error:  # decoders raise what they like
            raise damaged(self.path, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()


def has_pages(path: Path) -> bool:
    """Tell whether a TIFF file has more than one page, as movies have; not where it cannot be read.

    A file that has not changed is opened once, whoever asks how often.
    """
    return _first_look(path)[0]


def is_color(path: Path) -> bool:
    """Tell whether a TIFF file begins with a color image; not where it cannot be read. See `has_pages`."""
    return _first_look(path)[1]


def has_color(page: Any) -> bool:
    """Tell whether a page is a color image, or has several values for each pixel."""
    return int(page.samplesperpixel) != 1 or int(page.photometric) not in GRAY


@contextmanager
def page_writer(path: Path, nbytes: int, **how: Any) -> Iterator[Any]:
    """Give a function that adds an image, rows as they are to be stored, to a new file of so many bytes.

    Raises
    ------
    MicrographError
        ``F54`` where a package is missing.
    """
    first: dict[str, Any] = dict(how)
    with _tifffile(path).TiffWriter(path, bigtiff=nbytes > BIG, byteorder="<") as file:

        def add(pixels: NDArray[Any]) -> None:
            file.write(pixels, photometric="minisblack", metadata=None, contiguous=False, **first)
            first.pop("description", None)  # of the file, on its first page

        yield add


def damaged(path: Path, error: Exception) -> MicrographError:
    """Return what is said of a file that cannot be read, or decoded."""
    if isinstance(error, MicrographError):
        return error
    if isinstance(error, ImportError) or "imagecodecs" in str(error):
        return _missing(path, "imagecodecs")
    if isinstance(error, OSError) and error.errno:
        return unreadable(path, error)
    first = (str(error).splitlines() or [type(error).__name__])[0][:200]
    problem = f"cannot be read as TIFF: {first}"
    return MicrographError("F49", path, problem, kept="Skipped", fix="Copy it again")


def _first_look(path: Path) -> tuple[bool, bool]:
    """Return whether a file has several pages, and whether the first is in color."""
    with suppress(MicrographError, *DAMAGED):  # may be readable next time, and is not remembered
        found = path.stat()
        return _looked_at(path, found.st_size, found.st_mtime_ns)
    return False, False


@lru_cache(maxsize=1 << 16)
def _looked_at(path: Path, size: int, changed: int) -> tuple[bool, bool]:  # noqa: ARG001  of the file as it was then
    with _tifffile(path).TiffFile(path) as file:
        return bool(file.pages.is_multipage), has_color(file.pages[0])


def _tifffile(path: Path) -> ModuleType:
    try:
        import tifffile  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise _missing(path, "tifffile") from error
    logging.getLogger("tifffile").addHandler(
        logging.NullHandler()
    )  # what it logs is raised here, in one line
    return tifffile


def _refuse_truncated(path: Path, file: Any, pages: list[Any], size: int) -> None:
    """Raise F03 where images end beyond the file, or the list of them leads out of it."""
    ends = [
        start + count
        for page in pages
        for start, count in zip(page.dataoffsets, page.databytecounts, strict=False)
    ]
    beyond = max([*ends, _next_page(file)])
    if beyond > size or not ends or _next_page(file):
        raise MicrographError(
            "F03",
            path,
            f"truncated: {size:,} of more than {beyond:,} bytes, {len(pages):,} images found",
            kept="Skipped",
            fix="Copy it again",
        )


def _next_page(file: Any) -> int:
    """Return where the page after the last one that was found should be; 0 where that was the last."""
    at = file.pages.next_page_offset
    file.filehandle.seek(at)
    stored = file.filehandle.read(file.tiff.offsetsize)
    whole = len(stored) == file.tiff.offsetsize
    return int(struct.unpack(file.tiff.offsetformat, stored)[0]) if whole else int(at)


def _missing(path: Path, package: str) -> MicrographError:
    return MicrographError("F54", path, f"needs the package {package}", kept="Skipped", fix=EXTRA)
