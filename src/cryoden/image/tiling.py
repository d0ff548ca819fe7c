"""Cutting a micrograph into tiles that together give the very same result as the whole.

Each tile carries a halo at least as wide as the network looks, and only its core is kept, so
that every pixel is computed from all the pixels it depends on. Neighboring tiles then agree
exactly and there is nothing to blend.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

BORDER = 32  # px; about 100 Å


@dataclass(frozen=True)
class Tile:
    """Core ``[top:bottom, left:right]`` of one tile, in working pixels."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True)
class Tiling:
    """How a ``(height, width)`` image is cut.

    Parameters
    ----------
    height, width : int
        Size in working px.
    edge : int
        Edge of a core in px; rounded up to a multiple of ``stride``.
    halo : int
        Margin around the core in px; rounded up to a multiple of ``stride``.
    stride : int
        Grid the network's coarsest features lie on, in px.
    border : int
        Px the image is mirrored outwards by, rounded up and at most the margin. Beyond it a
        network sees what it saw around the patches it was trained on.
    """

    height: int
    width: int
    edge: int
    halo: int
    stride: int
    border: int = BORDER

    @property
    def margin(self) -> int:
        """Halo on the network's grid, in px."""
        return rounded_up(self.halo, self.stride)

    @property
    def outside(self) -> int:
        """Border on the network's grid, in px."""
        return min(self.margin, rounded_up(self.border, self.stride))

    def padded(self, image: Tensor) -> Tensor:
        """Return the image mirrored outwards by the border, sides on the network's grid."""
        rows, columns = (
            mirrored(side, -self.outside, rounded_up(side, self.stride) + self.outside).to(image.device)
            for side in image.shape
        )
        return image[rows][:, columns]

    def tiles(self) -> list[Tile]:
        """Return the tiles, row by row; the last of a row or column may be smaller."""
        edge = rounded_up(self.edge, self.stride)
        return [
            Tile(top, left, min(top + edge, self.height), min(left + edge, self.width))
            for top in range(0, self.height, edge)
            for left in range(0, self.width, edge)
        ]

    def cut(self, padded: Tensor, tile: Tile) -> Tensor:
        """Return the tile with its halo, as far as there is one, from the padded image."""
        above, left = self._before(tile.top), self._before(tile.left)
        bottom, right = (
            rounded_up(end, self.stride) + self.outside + self.margin for end in (tile.bottom, tile.right)
        )
        return padded[tile.top + self.outside - above : bottom, tile.left + self.outside - left : right]

    def core(self, output: Tensor, tile: Tile) -> Tensor:
        """Return the tile's core from the network's output for `cut`."""
        above, left = self._before(tile.top), self._before(tile.left)
        height, width = tile.bottom - tile.top, tile.right - tile.left
        return output[above : above + height, left : left + width]

    def _before(self, begin: int) -> int:
        """Return the halo before a core that begins there, in px."""
        return min(self.margin, begin + self.outside)


def mirrored(side: int, begin: int, end: int) -> Tensor:
    """Return which sample stands at each place from ``begin`` to ``end`` of a side mirrored at its ends.

    The outermost sample is not repeated.
    """
    places = torch.arange(begin, end).abs() % max(1, 2 * (side - 1))
    return torch.minimum(places, 2 * (side - 1) - places)


def rounded_up(value: int, step: int) -> int:
    """Return the smallest multiple of ``step`` that is at least ``value``."""
    return -(-value // step) * step
