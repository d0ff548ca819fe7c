"""Means over square blocks of pixels: an image made small, or its coarse part."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from cryoden.micrograph import Array, Pixels

Image = TypeVar("Image", Pixels, Array)


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
