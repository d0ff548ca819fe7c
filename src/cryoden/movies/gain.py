"""The gain reference: turned as the program it comes from means it, and what it says about defects.

Frames are multiplied by it. RELION and MotionCor turn it by R × 90° clockwise, as seen with the first
row at the top (MotionCor's manual, with the first row at the bottom, says counter-clockwise), then turn it
upside down (F = 1) or left to right (F = 2). Warp mirrors in x, then in y, then transposes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cryoden.errors import MicrographError
from cryoden.formats.micrographs import open_micrograph
from cryoden.micrograph import Pixels
from cryoden.movies.readers import TIFF

Turn = Callable[[NDArray[Any]], NDArray[Any]]
STEPS: dict[str, Turn] = {
    "r": lambda image: np.rot90(image, -1),
    "x": np.fliplr,
    "y": np.flipud,
    "t": np.transpose,
}
FLIPS = ("", "y", "x")  # of RELION and MotionCor
TIFF_GAIN = (*TIFF, ".gain")


def turned(image: NDArray[Any], turn: str) -> NDArray[Any]:
    """Return an image turned by a setting of `cryoden.settings.movies.MovieSettings.gain_turn`."""
    for step in _steps(turn):
        image = STEPS[step](image)
    return np.ascontiguousarray(image)


def _steps(turn: str) -> str:
    program, separator, numbers = turn.rpartition(":")
    if turn == "none" or not separator:
        return "" if turn == "none" else turn
    if program == "warp":
        return numbers
    rotation, flip = map(int, numbers.split(","))
    return "r" * rotation + FLIPS[flip]


def read_gain(path: Path, shape: tuple[int, int], turn: str = "none", *, eer: bool = False) -> Pixels:
    """Return what frames are multiplied by, of mean 1; 0 where the detector has a defect.

    Parameters
    ----------
    path : Path
        An MRC or TIFF file, or a ``.gain`` file of a Falcon.
    shape : tuple of int
        Height and width of the frames. A reference twice as large, of a Falcon, is binned.
    turn : str
        See `turned`.
    eer : bool
        Whether the movie is EER. For these, references that are no ``.gain`` files are sums of electrons,
        of which the inverse is taken, as RELION does.

    Raises
    ------
    MicrographError
        ``F55`` where it does not fit the frames, with the turns that would make it fit.
    """
    found = turned(image_rows(path), turn).astype(np.float64)
    if found.shape == tuple(2 * side for side in shape):
        found = found.reshape(shape[0], 2, shape[1], 2).mean((1, 3))
    if found.shape != shape:
        raise _unfit(path, found.shape, shape)
    good = np.isfinite(found) & (found > 0)
    if not good.any():
        problem = "no pixel of the gain reference is above 0"
        raise MicrographError(
            "F55", path, problem, kept="Skipped", fix="Give the gain reference of the movies"
        )
    if eer and path.suffix.lower() != ".gain":
        found[good] = 1 / found[good]
    return np.where(good, found / found[good].mean(), 0).astype(np.float32)


def image_rows(path: Path) -> Pixels:
    """Return the image of a gain reference or a map of defects, its rows in the order of MRC files.

    Raises
    ------
    MicrographError
        What reading an MRC or TIFF file raises.
    """
    if not path.name.lower().endswith(TIFF_GAIN):
        with open_micrograph(path) as file:
            return file.unchecked(0, 0, *file.shape)
    from cryoden.movies.tiff import read_tiff  # noqa: PLC0415 - its package is not there for everyone

    image = read_tiff(path)
    return image if path.suffix.lower() == ".gain" else image[::-1]


def _unfit(path: Path, found: tuple[int, ...], expected: tuple[int, int]) -> MicrographError:
    sizes = (" × ".join(f"{side:,}" for side in reversed(one)) for one in (found, expected))
    problem = "the gain reference is {} px, the frames are {} px".format(*sizes)
    fix = "Give the gain reference of these movies"
    if tuple(reversed(found)) == expected:
        fix = "Turn it by 90°: --gain-turn relion:1,0 or relion:3,0"
    return MicrographError("F55", path, problem, kept="Skipped", fix=fix)
