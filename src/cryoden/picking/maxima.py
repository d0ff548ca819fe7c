"""Places where a picture is highest, one to a particle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from cryoden.micrograph import Array, Pixels

STD_OF_MEDIAN = 1.4826  # of normally distributed values: their standard deviation over their median deviation
LEAST = 0.01  # of the standard deviation: most of a denoised picture may be flat
TINY = 1e-30


def standardized(response: Pixels, usable: NDArray[np.bool_]) -> Pixels:
    """Return a response in standard deviations of most of it, measured by medians, where it is usable."""
    values = response[usable] if usable.any() else response.ravel()
    middle = np.median(values)
    spread = max(STD_OF_MEDIAN * np.median(np.abs(values - middle)), LEAST * values.std(), TINY)
    return np.asarray((response - middle) / spread, np.float32)


def maxima(response: Pixels, usable: NDArray[np.bool_], apart: float) -> tuple[Array, Array]:
    """Find where a response is above 0 and highest within a distance.

    Parameters
    ----------
    response : ndarray
        ``(h, w)``.
    usable : ndarray
        ``(h, w)``; where maxima count.
    apart : float
        Least distance of two of them in px; of two closer ones the higher one stays.

    Returns
    -------
    places : ndarray
        ``(n, 2)`` row and column, to parts of a pixel, the highest first.
    heights : ndarray
        ``(n,)``.
    """
    peak = (response == ndimage.maximum_filter(response, 3)) & usable & (response > 0)
    found = np.argwhere(peak)
    heights = response[tuple(found.T)].astype(np.float64)
    order = np.argsort(-heights, kind="stable")
    found, heights = found[order], heights[order]
    keep = _spaced(found, apart)
    return found[keep] + _between(response, found[keep]), heights[keep]


def _spaced(places: NDArray[np.int64], apart: float) -> NDArray[np.bool_]:
    """Return which of the places, the best first, have no better one that stays within a distance."""
    keep = np.ones(len(places), bool)
    near = cKDTree(places).query_ball_point(places, apart) if len(places) else []
    for place, others in enumerate(near):
        if keep[place]:
            keep[[other for other in others if other > place]] = False
    return keep


def _between(response: Pixels, places: NDArray[np.int64]) -> Array:
    """Return how far the top of a parabola through three values is from the middle one, on each axis."""
    moves = np.zeros((len(places), 2))
    for axis, step in enumerate(((1, 0), (0, 1))):
        inside = ((places >= 1) & (places < np.array(response.shape) - 1)).all(axis=1)
        before, here, after = (response[tuple((places[inside] + k * np.array(step)).T)] for k in (-1, 0, 1))
        bend = 2 * here - before - after
        moves[inside, axis] = np.divide(after - before, 2 * bend, out=np.zeros_like(here), where=bend > 0)
    return moves
