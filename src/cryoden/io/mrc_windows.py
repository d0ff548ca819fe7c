"""A micrograph on disk, read window by window.

Pixels are read with ``pread`` into fresh buffers, never mapped: a file that shrinks while it
is open gives an error that names it, not a killed process.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from cryoden.errors import MicrographError, Remark
from cryoden.io.mrc_header import open_regular, unreadable
from cryoden.io.mrc_probe import HeaderFacts
from cryoden.io.pixel_size import without_odd
from cryoden.io.retrying import retried
from cryoden.micrograph import Pixels, Windowed

# Of each row only the columns of a window are read where that saves two pages of memory a row, and
# where the system can be told beforehand what will be read: one by one, a disk takes longer for it.
COLUMNS = hasattr(os, "posix_fadvise")
LEAST_GAP = 1 << 13  # bytes


@dataclass(frozen=True)
class NonFinite:
    """How many pixels are NaN or infinite, and the row and column of the first."""

    count: int
    row: int
    column: int

    def error(self, path: Path | str, top: int = 0, left: int = 0) -> MicrographError:
        """Return ``F24``; ``top`` and ``left`` say where the counted part begins."""
        plural = "pixels are" if self.count > 1 else "pixel is"
        where = f"row {self.row + top:,}, column {self.column + left:,}"
        return MicrographError(
            "F24",
            path,
            f"{self.count:,} {plural} NaN or infinite, the first at {where}",
            kept="Skipped",
            fix="Repeat the processing step that wrote it, or denoise with --nan mean",
        )


def non_finite(pixels: Pixels) -> NonFinite:
    """Count the NaN and infinite values of an ``(h, w)`` array."""
    finite = np.isfinite(pixels)
    count = int(finite.size - np.count_nonzero(finite))
    row, column = divmod(int(np.argmin(finite)), finite.shape[1]) if count else (0, 0)
    return NonFinite(count, row, column)


def finite_window(micrograph: Windowed, top: int, left: int, height: int, width: int) -> Pixels:
    """Return a window of a micrograph, ``(height, width)`` float32.

    Raises
    ------
    MicrographError
        F24 for pixels that are not numbers, with the place of the first.
    """
    pixels = micrograph.window(top, left, height, width)
    bad = non_finite(pixels)
    if bad.count:
        raise bad.error(micrograph.path or micrograph.name, top, left)
    return pixels


def finite_center(micrograph: Windowed, edge: int) -> Pixels:
    """Return the central square of a micrograph, or all of a smaller one; see `finite_window`."""
    height, width = (min(edge, side) for side in micrograph.shape)
    top, left = (micrograph.shape[0] - height) // 2, (micrograph.shape[1] - width) // 2
    return finite_window(micrograph, top, left, height, width)


class MicrographFile:
    """One micrograph on disk, of which windows are read on demand.

    Safe to share between threads. Nothing but the header is kept in memory, and the file is
    open only while a window is read, so that thousands of micrographs need no handles.

    Parameters
    ----------
    facts : HeaderFacts
        What `probe` found.
    pixel_size : float or None
        Å/px to use in place of the header's.
    """

    def __init__(self, facts: HeaderFacts, pixel_size: float | None = None) -> None:
        self.facts = facts
        self._given = pixel_size
        self._dtype = np.dtype(facts.dtype)
        self._closed = False

    @property
    def name(self) -> str:
        """File name without folder or suffix."""
        return self.facts.path.stem

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.facts.shape

    @property
    def pixel_size(self) -> float | None:
        """Pixel size in Å/px, ``None`` where the file does not say."""
        return self._given or self.facts.pixel_size

    @property
    def warnings(self) -> tuple[Remark, ...]:
        """What is odd about it; of a pixel size that is given, the header's is nobody's concern."""
        return without_odd(self.facts.warnings) if self._given else self.facts.warnings

    @property
    def path(self) -> Path | None:
        """The file."""
        return self.facts.path

    def window(self, top: int, left: int, height: int, width: int) -> Pixels:
        """Read a part of the micrograph.

        Parameters
        ----------
        top, left, height, width : int
            The part in pixels; all of it must lie inside.

        Returns
        -------
        ndarray
            Fresh ``(height, width)`` float32 array in the file's gray scale.

        Raises
        ------
        MicrographError
            ``F24`` for a pixel that is not a number, ``F52`` when the file has changed its size.
        ValueError
            When the window leaves the micrograph, or after `close`.
        """
        h, w = self.shape
        asked = (top, left, height, width)
        if min(top, left, h - top - height, w - left - width) < 0 or min(height, width) < 0:
            raise ValueError(f"window {asked} leaves the {h} × {w} micrograph {self.name}")
        pixels = self.unchecked(top, left, height, width)
        if self._dtype.kind == "f":
            bad = non_finite(pixels)
            if bad.count:
                raise bad.error(self.facts.path, top, left)
        return pixels

    def unchecked(self, top: int, left: int, height: int, width: int, out: Pixels | None = None) -> Pixels:
        """Read a part as `window` does, without looking at the values; into ``out``, where it is given."""
        if self._closed:
            raise ValueError(f"{self.name} is closed")
        out = np.empty((height, width), np.float32) if out is None else out
        if self.facts.transposed:
            top, left, height, width = left, top, width, height
        row, item = self.facts.nx, self._dtype.itemsize
        begin = self.facts.data_offset + (top * row + left) * item
        line, piece = row * item, width * item
        count = (height - 1) * row + width if height and width else 0
        if width == row and self._dtype == out.dtype and not self.facts.transposed and out.flags.c_contiguous:
            self._read([range(begin, begin + count * item)], out.reshape(-1).data.cast("B"))
            return out
        if COLUMNS and width and height > 1 and line - piece >= LEAST_GAP:
            data = self._read([range(begin + at * line, begin + at * line + piece) for at in range(height)])
            stored = np.frombuffer(data, self._dtype).reshape(height, width)
        else:
            flat = np.frombuffer(self._read([range(begin, begin + count * item)]), self._dtype)
            stored = np.lib.stride_tricks.as_strided(flat, (height, width), (line, item), writeable=False)
        out[:] = stored.T if self.facts.transposed else stored
        return out

    @retried
    def _read(self, pieces: Sequence[range], place: memoryview | None = None) -> memoryview:
        """Return bytes of the file, one piece after the other; what is not cached is fetched all at once."""
        data = memoryview(bytearray(sum(map(len, pieces)))) if place is None else place
        descriptor = open_regular(self.facts.path)
        try:
            done = _pieces(descriptor, pieces, data)
        except OSError as error:
            raise unreadable(self.facts.path, error) from error
        finally:
            os.close(descriptor)
        if done < len(data):
            raise self._changed(f"{done:,} of {len(data):,} bytes at {pieces[0].start:,}")
        return data

    def _changed(self, found: str) -> MicrographError:
        return MicrographError(
            "F52",
            self.facts.path,
            f"became shorter while in use: {found}",
            kept="Skipped",
            fix="Wait until it is completely written, or copy it again",
        )

    def close(self) -> None:
        """Refuse later windows."""
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _pieces(descriptor: int, pieces: Sequence[range], data: memoryview) -> int:
    """Fill memory with all the pieces, and return how many bytes of them the file had."""
    done = 0
    for piece in pieces if len(pieces) > 1 else ():
        os.posix_fadvise(descriptor, piece.start, len(piece), os.POSIX_FADV_WILLNEED)
    for piece in pieces:
        got = _read_at(descriptor, data[done : done + len(piece)], piece.start)
        done += got
        if got < len(piece):
            break
    return done


def _read_at(descriptor: int, view: memoryview, offset: int) -> int:
    """Fill a view, and return the bytes that were there; one system call returns 2 GiB at most."""
    done = 0
    if sys.platform == "win32":
        os.lseek(descriptor, offset, os.SEEK_SET)
    while done < len(view):
        if sys.platform == "win32":
            part = os.read(descriptor, len(view) - done)
            view[done : done + len(part)] = part
            got = len(part)
        else:
            got = os.preadv(descriptor, [view[done:]], offset + done)
        if not got:
            break
        done += got
    return done
