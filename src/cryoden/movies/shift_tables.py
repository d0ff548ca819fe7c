"""The shifts of a movie's frames as STAR files have them; a viewer reads them without torch."""

from __future__ import annotations

from pathlib import Path

from cryoden.errors import HalvesError
from cryoden.io.star import having, read_tables

SHIFTS = ("rlnMicrographFrameNumber", "rlnMicrographShiftX", "rlnMicrographShiftY")
PIXEL = ("rlnMicrographOriginalPixelSize",)


def read_shifts(path: Path) -> tuple[list[int], list[float], list[float]]:
    """Return the numbers of frames, and how far each is to the right and down of the first, in Å.

    Raises
    ------
    HalvesError
        D01 for a STAR file without them.
    MicrographError
        F49, F50 when it cannot be read.
    """
    tables = read_tables(path)
    shifts, facts = having(tables, SHIFTS), having(tables, PIXEL)
    rows = shifts.columns(SHIFTS) if shifts and facts else []
    try:
        pixel = float(facts.columns(PIXEL)[0][0]) if rows and facts else 0.0
        frames = [int(frame) for frame, *_ in rows]
        right, down = ([pixel * float(row[axis]) for row in rows] for axis in (1, 2))
    except ValueError:
        frames = []
    if not frames:
        fix = "Give the STAR file of a movie from cryoden halves or RELION's motion correction"
        raise HalvesError("D01", path, "no shifts of frames in it", fix=fix)
    return frames, right, down
