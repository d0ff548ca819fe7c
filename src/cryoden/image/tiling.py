"""Cutting a micrograph into tiles that together give the very same result as the whole.

Each tile carries a halo at least as wide as the network looks, and only its core is kept, so
that every pixel is computed from all the pixels it depends on. Neighboring tiles then agree
exactly and there is nothing to blend.

Beyond the edges of the image there is nothing to see. Mirrored outwards it would have its noise twice,
side by side, which a network takes for structure: blobs along the rim of an empty micrograph. So only
what is smooth is mirrored; the noise upon it is that of the opposite side, which no pixel at the edge
has anything to do with.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import conv2d

from cryoden.compute.recorded import constant
from cryoden.kernels.image_passes import Passes
from cryoden.kernels.tried_passes import passes_for
from cryoden.kernels.weighted_sums import TOGETHER, WeightedSums

BORDER = 64  # px; about 200 Å
SIGMA = 4.0  # px of what is smooth; about 12 Å
REACH = 12  # px; three σ
PLACES = 256  # lists of places that are kept: a few MB; micrographs of one session have few sizes


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
        Px the image is continued outwards by, rounded up and at most the margin. Beyond it a
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
        """Return the image continued outwards by the border, sides on the network's grid."""
        rows, columns = (
            range(-self.outside, rounded_up(side, self.stride) + self.outside) for side in image.shape
        )
        return continued(image, rows, columns)

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
        """Return the tile's core from the network's output for `cut`, without `outside` px at each side."""
        above, left = (self._before(begin) - self.outside for begin in (tile.top, tile.left))
        height, width = tile.bottom - tile.top, tile.right - tile.left
        return output[above : above + height, left : left + width]

    def _before(self, begin: int) -> int:
        """Return the halo before a core that begins there, in px."""
        return min(self.margin, begin + self.outside)


def within(image: Tensor, margin: int) -> Tensor:
    """Return a ``(..., h, w)`` image without so many px at each side."""
    height, width = image.shape[-2:]
    return image[..., margin : height - margin, margin : width - margin]


def rounded_up(value: int, step: int) -> int:
    """Return the smallest multiple of ``step`` that is at least ``value``."""
    return -(-value // step) * step


def continued(image: Tensor, rows: range, columns: range) -> Tensor:
    """Return an ``(h, w)`` image continued beyond its edges.

    Parameters
    ----------
    image : Tensor
        ``(h, w)`` pixels.
    rows, columns : range
        What to return; negative numbers and those from ``h`` or ``w`` on lie outside.
    """
    if (own := passes_for(image)) is not None:
        image = image.contiguous()
        smooth = _smooth_by(own, image)
        return own.continued(image, smooth, (rows.start, columns.start), (len(rows), len(columns)))
    height, width = image.shape
    result = image.new_empty(len(rows), len(columns))
    top, left = -rows.start, -columns.start
    result[top : top + height, left : left + width] = image
    above, below = range(rows.start, 0), range(height, rows.stop)
    before, behind = range(columns.start, 0), range(width, columns.stop)
    inside = range(height)
    for down, across in ((above, columns), (below, columns), (inside, before), (inside, behind)):
        if down and across:
            place = result[top + down.start : top + down.stop, left + across.start : left + across.stop]
            place[:] = _outside(image, down, across)
    return result


def _outside(image: Tensor, rows: range, columns: range) -> Tensor:
    """Return what an image shows beyond its edges: what is smooth, mirrored, and noise of the other side."""
    down, across = (_source(side, part) for side, part in zip(image.shape, (rows, columns), strict=True))
    noise = image[down.start : down.stop, across.start : across.stop] - _smooth(image, down, across)
    first, second = (
        _wrapped(side, part, source.start, image.device)
        for side, part, source in zip(image.shape, (rows, columns), (down, across), strict=True)
    )
    return _smooth(image, rows, columns) + noise[first][:, second]


@constant(PLACES)
def _wrapped(side: int, part: range, begin: int, device: torch.device) -> Tensor:
    """Return which sample, counted from ``begin``, stands at each place of a side that is repeated."""
    return (torch.arange(part.start, part.stop) % side - begin).to(device)


@constant(PLACES)
def mirrored(side: int, begin: int, end: int, device: torch.device | None = None) -> Tensor:
    """Return which sample stands at each place from ``begin`` to ``end`` of a side mirrored at its ends.

    The outermost sample is not repeated. The result is kept, and not to be changed.
    """
    places = torch.arange(begin, end).abs() % max(1, 2 * (side - 1))
    return torch.minimum(places, 2 * (side - 1) - places).to(device)  # waits, as other threads will use it


def _source(side: int, part: range) -> range:
    """Return where the samples lie that stand there when a side is repeated; all, where they wrap."""
    begin = part.start % side
    return range(begin, begin + len(part)) if begin + len(part) <= side else range(side)


def _smooth(image: Tensor, rows: range, columns: range) -> Tensor:
    """Return some pixels of an image that is mirrored at its edges, and smoothed by a Gaussian."""
    down, across = (
        mirrored(side, part.start - REACH, part.stop + REACH, image.device)
        for side, part in zip(image.shape, (rows, columns), strict=True)
    )
    kernel = _gaussian(image.dtype, image.device)
    smooth = conv2d(image[down][:, across][None, None], kernel[None, None, :, None])
    return conv2d(smooth, kernel[None, None, None, :])[0, 0]


def _smooth_by(own: Passes, image: Tensor) -> Tensor:
    """Return `_smooth` of the image itself; beyond its edges that is mirrored as the image is."""
    rows, columns = (_sums(side, image.device) for side in image.shape)
    return own.columns(own.rows(image, rows), columns)


@constant(16)
def _sums(side: int, device: torch.device) -> WeightedSums:
    return WeightedSums.of(_smoothing(side), side, device)


def _smoothing(side: int) -> list[tuple[int, NDArray[np.float32]]]:
    """Return the first sample of each eight that are smoothed, and ``(eight, samples)`` weights."""
    kernel = _gaussian(torch.float32, torch.device("cpu")).numpy()
    places = mirrored(side, -REACH, side + REACH).numpy()  # once: the lists that are kept are few
    found = []
    for begin in range(0, side, TOGETHER):
        results = range(begin, min(begin + TOGETHER, side))
        seen = places[begin : results.stop + 2 * REACH]
        matrix = np.zeros((len(results), seen.max() - seen.min() + 1), np.float32)
        for row, weights in enumerate(matrix):
            np.add.at(weights, seen[row : row + len(kernel)] - seen.min(), kernel)
        found.append((int(seen.min()), matrix))
    return found


@constant(PLACES)
def _gaussian(dtype: torch.dtype, device: torch.device) -> Tensor:
    kernel = torch.exp(-0.5 * (torch.arange(-REACH, REACH + 1) / SIGMA) ** 2)
    return (kernel / kernel.sum()).to(device, dtype)
