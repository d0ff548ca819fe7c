"""Class averages of what a first round of picking has found, to pick once more by.

Windows are sorted into classes and turned by turns, as in multi-reference alignment (van Heel & Frank 1981,
Ultramicroscopy 6, 187). From noise that was picked for its likeness to a blob such averages show a blob.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cryoden.micrograph import Array, Pixels
from cryoden.picking.templates import MASK, TURNS, Templates, disc, turned
from cryoden.picking.working_image import WorkingImage

ROUNDS = 8
MOST = 1000  # windows
EACH = 20  # windows to a class, at least
SEED = 3


def class_averages(images: Sequence[tuple[WorkingImage, Array]], classes: int) -> Templates | None:
    """Average windows around places that were picked.

    Parameters
    ----------
    images : sequence of (WorkingImage, ndarray)
        Dark particles, all of one working pixel size, and ``(n, 2)`` places in working pixels, the
        clearest first.
    classes : int
        How many averages at most.

    Returns
    -------
    Templates or None
        ``None`` where too few were picked.
    """
    edge = 2 * int(np.ceil(MASK * images[0][0].diameter)) + 3
    share = max(EACH, MOST // len(images))
    windows = np.concatenate([_windows(image, places[:share], edge) for image, places in images])
    count = min(classes, len(windows) // EACH)
    if not count:
        return None
    mask = disc(edge, MASK * images[0][0].diameter)
    directions = np.stack([_scored(np.stack(turned(one[None], TURNS)), mask) for one in windows])
    averages = directions[:, 0].mean(axis=0)[None]  # one class: turned by chance, a round one
    numbers = np.random.default_rng(SEED)
    if count > 1:
        first = np.array_split(numbers.permutation(len(windows)), count)
        averages = np.stack([directions[group, 0].mean(axis=0) for group in first])
    for _ in range(ROUNDS):
        averages = _once_more(directions, averages)
    return Templates(averages, images[0][0].pixel_size)


def _once_more(directions: Pixels, averages: Pixels) -> Pixels:
    """Return averages of the windows that are most like each, in their best direction."""
    flat = directions.reshape(*directions.shape[:2], -1)
    references = averages.reshape(len(averages), -1)
    references = references / np.maximum(np.linalg.norm(references, axis=1, keepdims=True), 1e-9)
    likeness = flat @ references.T  # (windows, directions, classes)
    turn = likeness.argmax(axis=1)
    kind = likeness.max(axis=1).argmax(axis=1)
    made = averages.copy()
    for one in np.unique(kind):
        members: NDArray[np.intp] = np.flatnonzero(kind == one)
        made[one] = directions[members, turn[members, one]].mean(axis=0)
    return made


def _windows(image: WorkingImage, places: Array, edge: int) -> Pixels:
    """Return ``(n, edge, edge)`` windows with bright particles in their middle."""
    offsets = np.arange(edge) - edge // 2
    rows, columns = (places[:, axis, None] + offsets for axis in (0, 1))
    at = np.stack(np.broadcast_arrays(rows[:, :, None], columns[:, None, :]))
    return np.asarray(-ndimage.map_coordinates(image.pixels, at, order=1, mode="reflect"), np.float32)


def _scored(images: Pixels, mask: Pixels) -> Pixels:
    """Return images of mean 0 below a mask, and nothing beside it; a window weighs as much as another."""
    about = (images - (images * mask).sum(axis=(-2, -1), keepdims=True) / mask.sum()) * mask
    norm = np.sqrt((about**2).sum(axis=(-2, -1), keepdims=True))
    return np.asarray(about / np.maximum(norm, 1e-9), np.float32)
