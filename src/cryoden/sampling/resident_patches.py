"""Patches cut on a GPU from micrographs that lie there, the same as `PatchSource` draws, bit for bit.

In threads of one interpreter a patch of 256² px takes 2 ms, a GPU's step less than half a millisecond.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cryoden.compute import devices
from cryoden.image.blank_regions import EDGE, FLAT
from cryoden.sampling.holdout import Region, TrainingPair
from cryoden.sampling.patches import Drawn, PatchSource, oriented
from cryoden.sampling.source import BatchOnGpu

MOST, SHARE = 1 << 31, 0.25  # bytes of micrographs, which are all read before the first step; of free memory
AHEAD = 2  # batches


def resident(
    source: PatchSource, device: torch.device, share: tuple[int, int] = (0, 1)
) -> ResidentPatches | None:
    """Return what cuts patches on a GPU; ``None`` where that cannot be, or would give other patches.

    Parameters
    ----------
    source : PatchSource
        What is drawn.
    device : torch.device
        An NVIDIA GPU, else there is nothing to gain.
    share : tuple of int
        See `cryoden.sampling.stream.Stream`.
    """
    if device.type != "cuda" or nbytes(source) > min(MOST, SHARE * devices.free_memory(device)):
        return None
    found = ResidentPatches(source, device, share)
    return found if found.is_full else None


def nbytes(source: PatchSource) -> int:
    """Return how much memory the micrographs take."""
    shapes = (pair.noisy.shape for pair in _pairs(source).values())
    return sum(2 * 4 * height * width for height, width in shapes)


def _pairs(source: PatchSource) -> dict[int, TrainingPair]:
    """Return each pair once, however many regions it has."""
    return {id(region.pair): region.pair for region in source.regions}


class Cut(NamedTuple):
    """Patches of a batch: where each and its noise begin, how far rows and columns are apart; signs."""

    places: NDArray[np.int64]
    near: NDArray[np.int64]
    signs: NDArray[np.float32]


class ResidentPatches:
    """Batches cut from micrographs in a device's memory.

    Parameters
    ----------
    source : PatchSource
        What is drawn.
    device : torch.device
        Where the micrographs shall lie.
    share : tuple of int
        See `cryoden.sampling.stream.Stream`.

    Attributes
    ----------
    is_full : bool
        Whether no patch can have a blank part, for which others would be drawn.
    """

    def __init__(self, source: PatchSource, device: torch.device, share: tuple[int, int] = (0, 1)) -> None:
        self._source, self._device, self._share = source, device, share
        pairs = _pairs(source)
        sides = [
            [self._sent(side.window(0, 0, *side.shape)) for side in (pair.noisy, pair.target)]
            for pair in pairs.values()
        ]
        judged = [side for both in sides for side in (both if source.swap else both[:1])]
        self.is_full = bool(torch.stack([_full(side) for side in judged]).all())
        begins = np.cumsum([0, *(noisy.numel() for noisy, _ in sides)])
        self._begin = {key: int(begin) for key, begin in zip(pairs, begins[:-1], strict=True)}
        self._noisy, self._target = (
            torch.cat([side.flatten() for side in of]) for of in zip(*sides, strict=True)
        )
        steps = torch.arange(source.edge, device=device)
        self._down, self._across = steps[:, None], steps[None, :]

    def batches(self, steps: Iterable[tuple[int, int]]) -> Generator[BatchOnGpu, None, None]:
        """Yield the batches of these steps; see `cryoden.sampling.source.Batches`."""
        left = iter(steps)
        with ThreadPoolExecutor(1) as pool:  # what is next is drawn while the GPU is at work
            ahead = deque(pool.submit(self._drawn, *step) for step in islice(left, AHEAD))
            while ahead:
                ahead.extend(pool.submit(self._drawn, *step) for step in islice(left, 1))
                yield self._made(ahead.popleft().result())

    def _drawn(self, epoch: int, step: int) -> Cut:
        rank, ranks = self._share
        drawn = [self._source.drawn(*item) for item in self._source.items(epoch, step)[rank::ranks]]
        places = np.array([self._strides(one.place, one) for one in drawn])
        near = np.array([self._strides(one.near, one) for one in drawn])
        return Cut(places, near, np.array([one.sign for one in drawn], np.float32))

    def _sent(self, pixels: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(pixels).to(self._device)

    def _made(self, drawn: Cut) -> BatchOnGpu:
        noisy, target = self._cut(drawn.places)
        if self._source.swap:
            one, other = self._cut(drawn.near)
            signs = self._sent(drawn.signs)
            noise, mean = (one - other) / 2 * signs[:, None, None], (noisy + target) / 2
            noisy, target = mean + noise, mean - noise
        return BatchOnGpu(noisy[:, None], target[:, None])

    def _cut(self, strides: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        begin, down, across = torch.from_numpy(strides).to(self._device).T[:, :, None, None]
        places = begin + down * self._down + across * self._across
        return self._noisy[places], self._target[places]

    def _strides(self, place: tuple[Region, int, int], drawn: Drawn) -> tuple[int, int, int]:
        """Return where a patch begins, and how far its next row and its next column are away."""
        region, top, left = place
        width, last = region.pair.noisy.shape[1], self._source.edge - 1
        corner, down, across = _turned(drawn.turns, drawn.mirror)
        row, column = top + corner[0] * last, left + corner[1] * last
        begin = self._begin[id(region.pair)] + row * width + column
        return begin, down[0] * width + down[1], across[0] * width + across[1]


@cache
def _turned(turns: int, mirror: bool) -> NDArray[np.intp]:
    """Return which corner of a patch comes first when it is turned, and the ways down and across there."""
    sides = np.indices((2, 2)).astype(np.float32)
    places = np.stack([oriented(side, turns, mirror) for side in sides], axis=-1).astype(int)
    return np.stack([places[0, 0], places[1, 0] - places[0, 0], places[0, 1] - places[0, 0]])


def _full(image: Tensor) -> Tensor:
    """Tell, as a tensor, that no square is blank wherever it lies: it would cover one of half its side."""
    side = EDGE // 2
    down, across = (length // side for length in image.shape)
    squares = image[: down * side, : across * side].reshape(down, side, across, side)
    return ((squares.amax((1, 3)) - squares.amin((1, 3))) >= FLAT).all()
