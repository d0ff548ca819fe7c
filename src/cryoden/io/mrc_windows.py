"""A micrograph on disk, read window by window.

Pixels are read with ``pread`` into fresh buffers, never mapped: a file that shrinks while it
is open gives an error that names it, not a killed process.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from cryoden.errors import MicrographError
from cryoden.io.mrc_header import open_regular, unreadable
from cryoden.io.mrc_probe import HeaderFacts
from cryoden.micrograph import Pixels, Windowed


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
            fix="Repeat the step that wrote it, or denoise with --nan mean",
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
        self._pixel_size = pixel_size or facts.pixel_size
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
        return self._pixel_size

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
            Fresh ``(height, width)`` float32 array in the file's grey scale.

        Raises
        ------
        MicrographError
            ``F24`` for a pixel that is not a number, ``F52`` when the file has changed its size.
        ValueError
            When the window leaves the micrograph, or after `close`.
        """
        if self._closed:
            raise ValueError(f"{self.name} is closed")
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

    def unchecked(self, top: int, left: int, height: int, width: int) -> Pixels:
        """Read a part as `window` does, without looking at the values."""
        if self.facts.transposed:
            top, left, height, width = left, top, width, height
        row = self.facts.nx
        first, last = top * row + left, (top + height - 1) * row + left + width
        flat = self._read(first, last - first if height and width else 0)
        stored = np.lib.stride_tricks.as_strided(
            flat, (height, width), (row * flat.itemsize, flat.itemsize), writeable=False
        )
        return np.array(stored.T if self.facts.transposed else stored, dtype=np.float32, order="C")

    def _read(self, first: int, count: int) -> NDArray[np.generic]:
        """Read ``count`` pixels from pixel ``first`` on, in the file's own type."""
        wanted = count * self._dtype.itemsize
        offset = self.facts.data_offset + first * self._dtype.itemsize
        descriptor = open_regular(self.facts.path)
        try:
            data = _read_at(descriptor, wanted, offset)
        except OSError as error:
            raise unreadable(self.facts.path, error) from error
        finally:
            os.close(descriptor)
        if len(data) < wanted:
            raise self._changed(f"{len(data):,} of {wanted:,} bytes at {offset:,}")
        return np.frombuffer(data, self._dtype)

    def _changed(self, found: str) -> MicrographError:
        return MicrographError(
            "F52",
            self.facts.path,
            f"became shorter while in use: {found}",
            kept="Skipped",
            fix="Wait until it is written whole, or copy it again",
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


def _read_at(descriptor: int, wanted: int, offset: int) -> bytearray:
    """Read up to ``wanted`` bytes; one system call returns 2 GiB at most."""
    data = bytearray(wanted)
    view, done = memoryview(data), 0
    if sys.platform == "win32":
        os.lseek(descriptor, offset, os.SEEK_SET)
    while done < wanted:
        if sys.platform == "win32":
            part = os.read(descriptor, wanted - done)
            view[done : done + len(part)] = part
            got = len(part)
        else:
            got = os.preadv(descriptor, [view[done:]], offset + done)
        if not got:
            break
        done += got
    view.release()
    del data[done:]
    return data
