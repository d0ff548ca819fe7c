"""Images of one size in one MRC file, written one after the other."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from cryoden.io import mrc
from cryoden.io.mrc_header_copy import put_statistics, statistics, together
from cryoden.micrograph import Pixels, Statistics


class StackFile:
    """A stack of which one image at a time is in memory; a whole file once it is closed.

    Parameters
    ----------
    path : Path
        Where to write, usually the temporary path of `cryoden.io.atomic.atomic_write`.
    images : int
        How many there will be.
    like : Path
        The stack whose header is copied, as by `cryoden.io.mrc.write`.
    label : str
        What made this file, at most 80 letters.
    output : {"float32", "float16"}
        Pixel format, mode 2 or 12.
    """

    def __init__(
        self, path: Path, images: int, *, like: Path, label: str, output: Literal["float32", "float16"]
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
        """Write the next image, ``(h, w)`` float32 of so many Å/px, all of one size.

        Raises
        ------
        OutputError
            ``O13`` when a value cannot be stored: NaN, infinite, or too large for float16.
        """
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
        if self._header is None or len(self._statistics) != self.images:
            raise ValueError(f"{len(self._statistics)} of {self.images} images were written")
        found = together(self._statistics, [1] * self.images)
        put_statistics(self._header.header, found, self.output)
        self._write_header(self._header)

    def _write_header(self, composed: mrc.Composed) -> None:
        self._file.seek(0)
        for part in (composed.header, composed.extended_header):
            self._file.write(part.tobytes())
