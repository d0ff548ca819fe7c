"""What the files of an exposure say: size, pixel size, and whether its halves are halves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryoden.browsing.exposure_list import Exposure
from cryoden.dataset.half_checks import HalfCheck, inspect
from cryoden.dataset.opening import added, facts, open_pair, read_micrograph
from cryoden.errors import CryodenError
from cryoden.micrograph import Micrograph
from cryoden.settings.reading import ReadingSettings


@dataclass(frozen=True)
class FileFacts:
    """What a header says, or why the file cannot be read.

    Parameters
    ----------
    shape : tuple of int or None
        Height and width in px.
    pixel_size : float or None
        Å/px.
    problem : str
        One line; empty where it can be read.
    """

    shape: tuple[int, int] | None = None
    pixel_size: float | None = None
    problem: str = ""


def file_facts(exposure: Exposure, reading: ReadingSettings | None = None) -> FileFacts:
    """Read the header of an exposure; never raises for what is wrong with the file."""
    if exposure.file is None:
        return FileFacts(problem="the list names no file")
    try:
        found = facts(exposure.file, reading, exposure.facts.pixel_size)
    except CryodenError as error:
        return FileFacts(problem=str(error))
    return FileFacts(found.shape, found.pixel_size)


def half_check(exposure: Exposure, reading: ReadingSettings | None = None) -> HalfCheck | None:
    """Check the halves of an exposure; ``None`` where it has none. Reads their centers."""
    if exposure.halves is None:
        return None
    try:
        return inspect(open_pair(exposure.halves, reading, _listed(exposure)))
    except CryodenError as error:
        return HalfCheck(False, "unreadable", 0.0, str(error), error.code)


def read_raw(exposure: Exposure, reading: ReadingSettings | None = None) -> Micrograph | None:
    """Read the raw micrograph of an exposure, else the sum of its halves; ``None`` where it has neither.

    Raises
    ------
    CryodenError
        When a file cannot be read.
    """
    if exposure.micrograph is not None:
        return read_micrograph(exposure.micrograph, reading, exposure.facts.pixel_size)
    return None if exposure.halves is None else _sum(exposure, reading)


def read_denoised(exposure: Exposure, reading: ReadingSettings | None = None) -> Micrograph | None:
    """Read the result that is there of an exposure, ``None`` where there is none; see `read_raw`."""
    if exposure.denoised is None:
        return None
    return read_micrograph(exposure.denoised, reading, exposure.facts.pixel_size)


def _sum(exposure: Exposure, reading: ReadingSettings | None) -> Micrograph | None:
    if exposure.halves is None:
        return None
    files, size = exposure.halves, exposure.facts.pixel_size
    halves = zip((files.even, files.odd), files.sections, strict=True)
    even, odd = (read_micrograph(half, reading, size, section) for half, section in halves)
    return added(even, odd, exposure.label)


def _listed(exposure: Exposure) -> dict[Path, float]:
    size, halves = exposure.facts.pixel_size, exposure.halves
    return dict.fromkeys((halves.even, halves.odd), size) if size and halves else {}
