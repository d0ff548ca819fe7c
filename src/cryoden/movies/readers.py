"""Movies on disk, read frame by frame: MRC stacks here, TIFF and EER in `cryoden.movies.tiff`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np

from cryoden.errors import MicrographError, Remark
from cryoden.io.mrc import SUFFIXES
from cryoden.io.mrc_probe import HeaderFacts, probe
from cryoden.io.mrc_windows import MicrographFile, non_finite
from cryoden.io.pixel_size import without_odd
from cryoden.micrograph import Pixels
from cryoden.settings.reading import ReadingSettings

TIFF = (".tif", ".tiff", ".eer")


class Movie(Protocol):
    """The frames of one exposure, one of them in memory at a time."""

    path: Path
    frames: int
    shape: tuple[int, int]
    pixel_size: float | None
    warnings: tuple[Remark, ...]

    def frame(self, index: int) -> Pixels:
        """Return one frame, from 0, as a fresh ``(h, w)`` float32 array, the first row as in MRC files."""


def is_movie_name(name: str) -> bool:
    """Tell whether a file name ends like that of a movie, in any case of letters."""
    return name.lower().endswith((*SUFFIXES, *TIFF))


def is_eer(path: Path) -> bool:
    """Tell whether a file is a movie of single electrons by its name."""
    return path.suffix.lower() == ".eer"


@contextmanager
def open_movie(path: Path, reading: ReadingSettings | None = None) -> Iterator[Movie]:
    """Open a movie.

    Raises
    ------
    MicrographError
        ``F03`` of a truncated file, ``F53`` of a single image, ``F54`` where a package is missing,
        and what `cryoden.io.mrc_probe.probe` refuses.
    """
    reading = reading or ReadingSettings()
    if not path.name.lower().endswith(TIFF):
        yield MrcMovie(path, reading)
        return
    from cryoden.movies.tiff import TiffMovie  # noqa: PLC0415 - its package is not there for everyone

    with TiffMovie(path, reading) as movie:
        yield movie


class MrcMovie:
    """An MRC stack of frames; what space group it claims does not matter."""

    def __init__(self, path: Path, reading: ReadingSettings) -> None:
        self.path = path
        facts = probe(path, mode0=reading.mode0, assume_no_extended_header=reading.assume_no_ext_header)
        self._facts: HeaderFacts = facts
        self._nan = reading.nan
        self.frames, self.shape = facts.nz, facts.shape
        self.pixel_size = reading.pixel_size or facts.pixel_size
        self.warnings = without_odd(facts.warnings) if reading.pixel_size else facts.warnings
        refuse_single(path, self.frames)

    def frame(self, index: int) -> Pixels:
        """Return one frame; see `Movie`."""
        at = self._facts.data_offset + index * self._facts.section_bytes
        facts = replace(self._facts, nz=1, kind="micrograph", data_offset=at)
        with MicrographFile(facts) as file:
            return finite(file.unchecked(0, 0, *self.shape), self.path, self._nan)


def finite(pixels: Pixels, path: Path, nan: str) -> Pixels:
    """Return pixels that are all numbers; others are refused, F24, or replaced by the mean of the rest."""
    bad = non_finite(pixels)
    if bad.count:
        there = np.isfinite(pixels)
        if nan == "refuse" or not there.any():
            raise bad.error(path)
        pixels[~there] = pixels[there].mean(dtype=np.float64)
    return pixels


def refuse_single(path: Path, frames: int) -> None:
    """Raise F53 for what has no frames to share out."""
    if frames < 2:
        problem = f"{frames} image: not a movie, expected two frames or more"
        raise MicrographError("F53", path, problem, kept="Skipped", fix="Give the movie it was summed from")
