"""Means over square blocks of pixels: an image made small, or its coarse part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from cryoden.micrograph import Array, Pixels

Image = TypeVar("Image", Pixels, Array)
SMALLEST = 256  # px of the longer side: as wide as one of four pictures on a small screen


def blocks(image: Image, edge: int) -> Image:
    """Return an ``(h, w)`` image as ``(rows, columns, edge, edge)``; what is left over is dropped."""
    rows, columns = (side // edge for side in image.shape)
    whole = image[: rows * edge, : columns * edge].reshape(rows, edge, columns, edge)
    return whole.swapaxes(1, 2)


def block_mean(image: Image, edge: int) -> Array:
    """Return the ``(h // edge, w // edge)`` means of the blocks of an image, summed in double precision."""
    return np.asarray(blocks(image, edge).mean((2, 3), dtype=np.float64))


def averaged_down(image: Pixels, longest: int) -> Pixels:
    """Return block means, float32, whose longer side has about ``longest`` px; never more than the image."""
    edge = max(1, round(max(image.shape) / longest))
    return block_mean(image, edge).astype(np.float32)


def repeated(means: Pixels, edge: int) -> Pixels:
    """Return the image in which each value of ``means`` fills a block of ``edge`` × ``edge`` px."""
    return np.asarray(np.kron(means, np.ones((edge, edge), np.float32)), np.float32)


def pyramid(image: Pixels, smallest: int = SMALLEST) -> list[Pixels]:
    """Return an image and its block means, ever smaller, for a screen to show the one that suits it.

    Noise is averaged as the eye would; an image shown by leaving pixels out shows the noise of single
    pixels at any size. Edges grow by 1.5 at most, so that never more than five of nine pixels are left out.

    Parameters
    ----------
    image : ndarray
        ``(h, w)``.
    smallest : int
        No level is smaller than that on its longer side.

    Returns
    -------
    list of ndarray
        The image itself, then means of 2 × 2, 3 × 3, 4 × 4, 6 × 6, 8 × 8 … px, float32. Blocks that reach
        beyond the image are of its last rows and columns.
    """
    levels = {1: image}
    for edge in edges(image.shape, smallest)[1:]:
        part = 2 if edge % 2 == 0 and edge // 2 in levels else 3
        levels[edge] = _means(levels[edge // part], part)
    return list(levels.values())


def edges(shape: Sequence[int], smallest: int = SMALLEST) -> list[int]:
    """Return the edges of the blocks of a `pyramid`, 1 first; the last block of a row may be cut short."""
    found = [1]
    while max(shape) >= smallest * (larger := _next(found[-1])):
        found.append(larger)
    return found


def _next(edge: int) -> int:
    """Return the number after one of 1, 2, 3, 4, 6, 8, 12, 16 and so on."""
    if edge == 1:
        return 2
    return edge * 3 // 2 if edge & (edge - 1) == 0 else edge * 4 // 3


def _means(image: Pixels, edge: int) -> Pixels:
    """Return the float32 means of blocks, summed slice by slice: in a tenth of the time of `block_mean`."""
    beyond = [(0, -side % edge) for side in image.shape]
    whole = np.pad(image, beyond, mode="edge") if any(map(any, beyond)) else image
    total = np.zeros([side // edge for side in whole.shape], np.float32)
    for row in range(edge):
        for column in range(edge):
            total += whole[row::edge, column::edge]
    return total / np.float32(edge * edge)
