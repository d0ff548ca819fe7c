"""From a micrograph's pixels to the coarser ones a network works on, and back.

Both ways are Lanczos interpolation (Duchon 1979), along one axis and then the other. Reducing has three
lobes and stretches the kernel by the scale, which keeps frequencies the coarse grid cannot hold from
folding back into the image. What a network makes is enlarged with twelve: with three, where a working pixel
is two, three or four whole pixels, every second, third or fourth step was weaker by a tenth, a pattern
that no network made. Both grids begin and end at the same edges, where the image is mirrored; nothing is
shifted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cryoden.compute.recorded import constant
from cryoden.kernels.tried_passes import passes_for
from cryoden.kernels.weighted_sums import TOGETHER, WeightedSums

LOBES = 3
ENLARGING = 12  # lobes; within 0.0004 σ of padding with zeros in Fourier space
BLOCK = {"cpu": 32}  # coarse samples per matrix product: of a wide band most weights are zero,
LARGE_BLOCK = 256  # which costs a GPU less than starting many small products

Weights = NDArray[np.float32]
Positions = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Axis:
    """One direction of an image: ``source`` samples become ``result`` over the same length."""

    source: int
    result: int
    lobes: int = LOBES

    @property
    def step(self) -> float:
        """Distance of two results in source samples."""
        return self.source / self.result

    def span(self, begin: int, end: int) -> tuple[int, int]:
        """Return the range of source samples that results ``begin`` to ``end`` see."""
        if self.source == self.result:
            return begin, end
        taps = self._mirrored(self._taps(begin, end))
        return int(taps.min()), int(taps.max()) + 1

    def weights(self, begin: int, end: int) -> tuple[int, Weights]:
        """Return the first source sample of some results and their ``(results, samples)`` weights."""
        taps = self._taps(begin, end)
        distance = (taps - self._centers(begin, end)[:, None]) / max(1.0, self.step)
        values = np.sinc(distance) * np.sinc(distance / self.lobes) * (np.abs(distance) < self.lobes)
        first, last = self.span(begin, end)
        matrix = np.zeros((end - begin, last - first))
        rows = np.arange(end - begin)[:, None]
        np.add.at(matrix, (rows, self._mirrored(taps) - first), values / values.sum(axis=1, keepdims=True))
        return first, matrix.astype(np.float32)

    def blocks(self, begin: int, end: int, coarse: int) -> Iterator[tuple[int, int]]:
        """Cut results ``begin`` to ``end`` into runs of about ``coarse`` samples of the coarser side."""
        length = max(1, round(coarse * max(1.0, 1 / self.step)))
        return ((at, min(at + length, end)) for at in range(begin, end, length))

    def _centers(self, begin: int, end: int) -> Positions:
        centers: Positions = (np.arange(begin, end) + 0.5) * self.step - 0.5
        return centers

    def _taps(self, begin: int, end: int) -> NDArray[np.int64]:
        reach = math.ceil(self.lobes * max(1.0, self.step))
        below = np.floor(self._centers(begin, end)).astype(np.int64)
        return below[:, None] + np.arange(1 - reach, 1 + reach)

    def _mirrored(self, taps: NDArray[np.int64]) -> NDArray[np.int64]:
        turned = taps % (2 * self.source)
        return np.minimum(turned, 2 * self.source - 1 - turned)


class Resampling:
    """Two samplings of one image.

    Parameters
    ----------
    height, width : int
        The image in its own pixels.
    scale : float
        Working pixel over image pixel; below 1 the image is enlarged. A side becomes the nearest whole
        number of working pixels and the scale along it what follows from that; 1 changes nothing.
    """

    def __init__(self, height: int, width: int, scale: float) -> None:
        self.fine = (height, width)
        self.shape = working_shape(self.fine, scale)
        self.rows, self.columns = (Axis(*sides) for sides in zip(self.fine, self.shape, strict=True))

    def reduce(self, image: Tensor) -> Tensor:
        """Return ``(..., h', w')`` working pixels of a ``(..., h, w)`` float32 image."""
        return _columns(_rows(image, self.rows), self.columns)

    def enlarge(self, image: Tensor, lobes: int = ENLARGING) -> Tensor:
        """Return ``(..., h, w)`` pixels of a ``(..., h', w')`` float32 image; fewer lobes ring less far."""
        rows, columns = (
            Axis(axis.result, axis.source, lobes if axis.step > 1 else LOBES)
            for axis in (self.rows, self.columns)
        )
        return _rows(_columns(image, columns), rows)

    def window(self, top: int, left: int, height: int, width: int) -> tuple[int, int, int, int]:
        """Return top, left, height and width of the pixels that some working pixels are made of."""
        first_row, last_row = self.rows.span(top, top + height)
        first_column, last_column = self.columns.span(left, left + width)
        return first_row, first_column, last_row - first_row, last_column - first_column

    def reduce_window(self, pixels: Tensor, top: int, left: int, height: int, width: int) -> Tensor:
        """Return working pixels of the image from the pixels that `window` names for them."""
        first_row, first_column, *_ = self.window(top, left, height, width)
        image = _rows(pixels, self.rows, (top, top + height), first_row)
        return _columns(image, self.columns, (left, left + width), first_column)


def working_shape(shape: tuple[int, int], scale: float) -> tuple[int, int]:
    """Return height and width in working pixels.

    Raises
    ------
    ValueError
        For a scale that is not above 0.
    """
    if not scale > 0:
        raise ValueError(f"scale = {scale} (expected above 0)")
    height, width = (max(1, round(side / scale)) for side in shape)
    return height, width


def cropped_spectrum(spectrum: Tensor, small: tuple[int, int], shape: tuple[int, int]) -> Tensor:
    """Return the low frequencies of a half-plane spectrum, as that of a smaller image of the same mean."""
    above, below = (small[0] + 1) // 2, small[0] // 2
    columns = small[1] // 2 + 1
    rows = torch.cat([spectrum[:above, :columns], spectrum[spectrum.shape[0] - below :, :columns]])
    return rows * (small[0] * small[1] / (shape[0] * shape[1]))


def _rows(image: Tensor, axis: Axis, part: tuple[int, int] | None = None, offset: int = 0) -> Tensor:
    """Resample down the columns; ``image`` begins at sample ``offset`` of the axis."""
    begin, end = part or (0, axis.result)
    if axis.source == axis.result:
        return image[..., begin - offset : end - offset, :]
    if part is None and image.dim() == 2 and (own := passes_for(image)) is not None:
        return own.rows(image, _sums(axis, image.device))
    out = image.new_empty(*image.shape[:-2], end - begin, image.shape[-1])
    for at, until in axis.blocks(begin, end, BLOCK.get(image.device.type, LARGE_BLOCK)):
        first, weights = _on_device(axis, at, until, image.device)
        band = image[..., first - offset : first - offset + weights.shape[1], :]
        out[..., at - begin : until - begin, :] = weights @ band
    return out


def _columns(image: Tensor, axis: Axis, part: tuple[int, int] | None = None, offset: int = 0) -> Tensor:
    """Resample along the rows, as `_rows` does down the columns."""
    begin, end = part or (0, axis.result)
    if axis.source == axis.result:
        return image[..., begin - offset : end - offset]
    if part is None and image.dim() == 2 and (own := passes_for(image)) is not None:
        return own.columns(image, _sums(axis, image.device))
    out = image.new_empty(*image.shape[:-1], end - begin)
    for at, until in axis.blocks(begin, end, BLOCK.get(image.device.type, LARGE_BLOCK)):
        first, weights = _on_device(axis, at, until, image.device)
        band = image[..., first - offset : first - offset + weights.shape[1]]
        out[..., at - begin : until - begin] = band @ weights.T
    return out


@constant(1024)  # a few MB; micrographs of one session have few sizes
def _on_device(axis: Axis, begin: int, end: int, device: torch.device) -> tuple[int, Tensor]:
    first, weights = axis.weights(begin, end)
    return first, torch.from_numpy(weights).to(device)


@constant(16)  # 2.5 MB at most
def _sums(axis: Axis, device: torch.device) -> WeightedSums:
    begins = range(0, axis.result, TOGETHER)
    parts = [axis.weights(at, min(at + TOGETHER, axis.result)) for at in begins]
    return WeightedSums.of(parts, axis.source, device)
