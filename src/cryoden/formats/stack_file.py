"""Images of one size in one file, MRC or TIFF, written one after the other."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from cryoden.formats.tiff import page_writer
from cryoden.formats.writing import PixelFormat, tiff_tags, upside_down
from cryoden.io import mrc
from cryoden.io.mrc_header_copy import Original, put_statistics, statistics, together
from cryoden.micrograph import Pixels, Statistics


class Stack(Protocol):
    """A stack of which one image at a time is in memory; a whole file once it is closed.

    Parameters
    ----------
    path : Path
        Where to write, usually the temporary path of `cryoden.io.atomic.atomic_write`.
    images : int
        How many there will be.
    like : Original or None
        The header that is copied into an MRC file, as by `cryoden.io.mrc.write`.
    label : str
        What made this file, at most 80 letters.
    output : {"float32", "float16"}
        Pixel format.
    """

    def __init__(
        self, path: Path, images: int, *, like: Original | None, label: str, output: PixelFormat
    ) -> None: ...

    def __enter__(self) -> Self:
        """Begin the file."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it; without an error it has all its images."""

    def add(self, data: Pixels, pixel_size: float | None) -> None:
        """Write the next image, ``(h, w)`` float32 of so many Å/px, all of one size.

        Raises
        ------
        OutputError
            ``O13`` when a value cannot be stored: NaN, infinite, or too large for float16.
        """


class StackFile:
    """A `Stack` as an MRC file."""

    def __init__(
        self, path: Path, images: int, *, like: Original | None, label: str, output: PixelFormat
    ) -> None:
        self.path, self.images, self.like, self.label, self.output = path, images, like, label, output
        self._header: mrc.Composed | None = None
        self._statistics = list[Statistics]()

    def __enter__(self) -> Self:
        self._file = self.path.open("wb")
        return self

    def __exit__(self, _: object, error: BaseException | None, __: TracebackType | None) -> None:
        with self._file:
            if error is None:
                self._finish()

    def add(self, data: Pixels, pixel_size: float | None) -> None:
        """Write the next image; see `Stack`."""
        found = statistics(data)
        pixels = mrc.storable(self.path, data, self.output, found)
        if self._header is None:
            self._header = mrc.composed(
                pixels[None], pixel_size, self.like, self.label, images=self.images
            )  # of the first alone: its statistics come last
            self._write_header(self._header)
        self._file.write(pixels.data)
        self._statistics.append(found)

    def _finish(self) -> None:
        _refuse_missing(len(self._statistics), self.images)
        if self._header is not None:
            found = together(self._statistics, [1] * self.images)
            put_statistics(self._header.header, found, self.output)
            self._write_header(self._header)

    def _write_header(self, composed: mrc.Composed) -> None:
        self._file.seek(0)
        for part in (composed.header, composed.extended_header):
            self._file.write(part.tobytes())


class TiffStack:
    """A `Stack` as a TIFF file, a page for each image."""

    def __init__(
        self,
        path: Path,
        images: int,
        *,
        like: Original | None,  # noqa: ARG002  of TIFF files no header is copied
        label: str,
        output: PixelFormat,
    ) -> None:
        self.path, self.images, self.label, self.output = path, images, label, output
        self._stack = ExitStack()
        self._add: Callable[[Any], None] | None = None
        self._done = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: TracebackType | None) -> None:
        self._stack.close()
        if error is None:
            _refuse_missing(self._done, self.images)

    def add(self, data: Pixels, pixel_size: float | None) -> None:
        """Write the next image; see `Stack`."""
        pixels = mrc.storable(self.path, data, self.output, statistics(data))
        if self._add is None:
            tags = tiff_tags(pixel_size, self.label, self.images)
            self._add = self._stack.enter_context(page_writer(self.path, pixels.nbytes * self.images, **tags))
        self._add(upside_down(pixels))
        self._done += 1


def _refuse_missing(done: int, images: int) -> None:
    if done != images:
        raise ValueError(f"{done} of {images} images were written")
