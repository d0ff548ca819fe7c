"""Bad pixels and columns: which they are, and what stands in their place.

Each gives way to the nearest good pixel of the same frame: no frame lends noise to another, so that
even and odd sums stay independent, and the noise is as strong there as elsewhere.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from cryoden.errors import MicrographError
from cryoden.io.mrc import is_mrc_name
from cryoden.micrograph import Pixels
from cryoden.movies.gain import TIFF_GAIN, image_rows

Mask = NDArray[np.bool_]
Places = NDArray[np.intp]
QUARTILE = 0.6745  # of normal deviates, half are smaller
AROUND = 4  # px to each side: of a strip up to so wide, most that lies around it is outside it
AT_ONCE = 100_000  # surroundings in memory


class Repair:
    """Replaces defects in frames.

    Parameters
    ----------
    bad : ndarray
        ``(h, w)``, true where a pixel is not to be used; at least one is good.
    """

    def __init__(self, bad: Mask) -> None:
        self.count = int(np.count_nonzero(bad))
        self._bad = np.nonzero(bad)
        if self.count:
            rows, columns = distance_transform_edt(bad, return_distances=False, return_indices=True)
            self._nearest = rows[self._bad], columns[self._bad]

    def mend(self, frame: Pixels) -> None:
        """Replace the defects of a ``(h, w)`` frame in place."""
        if self.count:
            frame[self._bad] = frame[self._nearest]


def hot_pixels(total: Pixels, limit: float) -> Mask:
    """Return where the sum of all frames, not aligned, is too many standard deviations off; 0 = nowhere.

    Off from the median of all, and from that of what lies around it: grid bars and the edge of an
    aperture are dark, but no defects. The spread is taken from the quartiles, of which no hot pixel
    is part; from all where they coincide.
    """
    if not limit:
        return np.zeros(total.shape, np.bool_)
    middle = float(np.median(total))
    off = np.abs(total - middle)
    spread = float(np.median(off)) / QUARTILE or float(total.std(dtype=np.float64))
    bad = np.asarray(off > limit * spread)
    suspects = np.nonzero(bad)
    bad[suspects] = np.abs(total[suspects] - _medians_around(total, *suspects)) > limit * spread
    return bad


def _medians_around(total: Pixels, rows: Places, columns: Places) -> Pixels:
    """Return for some pixels the median of a square around each, mirrored at the edges."""
    edge = 2 * AROUND + 1
    squares = sliding_window_view(np.pad(total, AROUND, mode="reflect"), (edge, edge))
    found = np.empty(len(rows), np.float32)
    for first in range(0, len(rows), AT_ONCE):
        some = slice(first, first + AT_ONCE)
        found[some] = np.median(squares[rows[some], columns[some]], axis=(1, 2))
    return found


def read_defects(path: Path, shape: tuple[int, int]) -> Mask:
    """Return the defects a file names.

    Parameters
    ----------
    path : Path
        An image, MRC or TIFF, that is not 0 where a pixel is bad; or text with a rectangle a line,
        ``x y width height`` in px from 0, as MotionCor and RELION read it.
    shape : tuple of int
        Height and width of the frames.

    Raises
    ------
    MicrographError
        ``F55`` where it does not fit the frames or is neither.
    """
    if is_mrc_name(path) or path.name.lower().endswith(TIFF_GAIN):
        bad = image_rows(path) != 0
        if bad.shape != shape:
            raise _unfit(path, f"the map of defects is {bad.shape}, the frames are {shape} (rows, columns)")
        return np.asarray(bad)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise _unfit(path, f"cannot be read as a list of defects: {error}") from error
    bad = np.zeros(shape, np.bool_)
    for number, line in enumerate(lines, 1):
        if words := line.partition("#")[0].split():
            left, top, width, height = _rectangle(path, number, words)
            bad[top : top + height, left : left + width] = True
    return bad


def _rectangle(path: Path, number: int, words: list[str]) -> list[int]:
    if len(words) != 4 or not all(word.isdecimal() for word in words):
        raise _unfit(path, f"line {number} is no rectangle x y width height: {' '.join(words)[:60]}")
    return [int(word) for word in words]


def _unfit(path: Path, problem: str) -> MicrographError:
    return MicrographError("F55", path, problem, kept="Skipped", fix="Give the defects of this detector")
