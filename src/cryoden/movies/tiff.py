"""TIFF movies, LZW and others, and EER.

Rows of TIFF files are turned upside down (see `cryoden.formats.tiff`): gain references in MRC files fit then.
Rows of EER are kept.
"""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from cryoden.errors import Remark
from cryoden.formats.tiff import DAMAGED, TiffPages, damaged
from cryoden.io.pixel_size import possible
from cryoden.micrograph import Pixels
from cryoden.movies.readers import finite, is_eer, refuse_single
from cryoden.settings.reading import ReadingSettings

EER_FACTS = 65001  # tag of an XML text
SENSOR_PIXEL = re.compile(r'"sensorPixelSize.width"[^>]*>\s*([0-9.eE+-]+)\s*<')  # m, at the specimen
# Width and height in bytes of K2 and K3 frames in super-resolution, two pixels in each byte; nothing else
# in the file says so. As IMOD's sizeCanBe4BitK2SuperRes() has them, which a pixel or two may miss.
PACKED = ((3838, 7420), (3710, 7676), (3840, 7424), (3712, 7680), (5760, 8184), (4092, 11520))
EER = (65000, 65001, 65002)  # compressions; pages of others in an EER file are sums


class TiffMovie:
    """A TIFF or EER file of frames, open until it is closed."""

    def __init__(self, path: Path, reading: ReadingSettings) -> None:
        self.path, self._nan = path, reading.nan
        self.warnings: tuple[Remark, ...] = ()
        with ExitStack() as stack:
            self._tiff = stack.enter_context(TiffPages(path))
            try:
                self._pages = _frames(path, self._tiff.pages)
            except DAMAGED as error:
                raise damaged(path, error) from error
            first = self._pages[0]
            self._packed = _is_packed(first)
            width = int(first.imagewidth) * (2 if self._packed else 1)
            self.frames, self.shape = len(self._pages), (int(first.imagelength), width)
            refuse_single(path, self.frames)
            self._stack = stack.pop_all()
        self.pixel_size = reading.pixel_size or _pixel_size(first)

    def frame(self, index: int) -> Pixels:
        """Return one frame; see `cryoden.movies.readers.Movie`."""
        stored = self._tiff.decoded(self._pages[index])
        if self._packed:
            stored = _unpacked(stored.view(np.uint8))
        rows = stored if is_eer(self.path) else stored[::-1]
        return finite(np.array(rows, np.float32, order="C"), self.path, self._nan)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()


def read_tiff(path: Path) -> Pixels:
    """Return the first image of a TIFF file, such as a gain reference, rows as they are stored.

    Raises
    ------
    MicrographError
        ``F03`` of a damaged file, ``F54`` where a package is missing.
    """
    with TiffPages(path) as tiff:
        return np.array(tiff.decoded(tiff.pages[0]), np.float32)


def _pixel_size(page: Any) -> float | None:
    """Return Å/px as the camera has noted it in EER files; TIFF has no place for it."""
    tag = page.tags.get(EER_FACTS)
    text = "" if tag is None else tag.value
    found = SENSOR_PIXEL.search(text.decode(errors="replace") if isinstance(text, bytes) else str(text))
    return possible(float(found[1]) * 1e10) if found else None


def _frames(path: Path, pages: list[Any]) -> list[Any]:
    """Return the pages that are frames: of one size and gray; of EER, those of single electrons."""
    if is_eer(path):
        pages = [page for page in pages if int(page.compression) in EER]
    if not pages:
        raise ValueError("no frames of single electrons")
    odd = next((page for page in pages if page.shape != pages[0].shape or len(page.shape) != 2), None)
    if odd is not None:
        raise ValueError(f"page {odd.index + 1} is {odd.shape}, the first {pages[0].shape}")
    return pages


def _is_packed(page: Any) -> bool:
    """Tell by the size whether each byte holds two pixels, as SerialEM writes them."""
    width, height = int(page.imagewidth), int(page.imagelength)
    sizes = [(wide, high) for wide, high in PACKED if abs(width - wide) <= 2 and abs(height - high) <= 2]
    return page.bitspersample == 8 and bool(sizes)


def _unpacked(stored: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return ``(h, 2 w)`` pixels of 4 bits, the lower half of each byte first, as IMOD and RELION do."""
    return np.stack([stored & 15, stored >> 4], -1).reshape(len(stored), -1)
