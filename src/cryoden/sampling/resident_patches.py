"""Patches cut on a GPU from micrographs that lie there, the same as `PatchSource` draws, bit for bit.

In threads of one interpreter a patch of 256² px takes 2 ms, a GPU's step less than half a millisecond.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cryoden.compute import devices
from cryoden.image.blank_regions import EDGE, FLAT
from cryoden.sampling.holdout import TrainingPair
from cryoden.sampling.patches import Drawn, Integers, PatchSource, oriented
from cryoden.sampling.source import BatchOnGpu

MOST, SHARE = 1 << 31, 0.25  # bytes of micrographs, which are all read before the first step; of free memory


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
        begin = dict(zip(pairs, begins[:-1], strict=True))
        self._begin = np.array([begin[id(region.pair)] for region in source.regions])
        self._width = np.array([region.pair.noisy.shape[1] for region in source.regions])
        self._noisy, self._target = (
            torch.cat([side.flatten() for side in of]) for of in zip(*sides, strict=True)
        )
        steps = torch.arange(source.edge, device=device)
        self._down, self._across = steps[:, None], steps[None, :]

    def batches(self, steps: Iterable[tuple[int, int]]) -> Generator[BatchOnGpu, None, None]:
        """Yield the batches of these steps; see `cryoden.sampling.source.Batches`."""
        for _, step in steps:
            yield self._made(self._source.drawn(step).part(*self._share))

    def _sent(self, pixels: NDArray[Any]) -> Tensor:
        return torch.from_numpy(pixels).to(self._device)

    def _made(self, drawn: Drawn) -> BatchOnGpu:
        noisy, target = self._cut(drawn, drawn.place)
        if self._source.swap:
            one, other = self._cut(drawn, self._source.near(drawn))
            signs = self._sent(drawn.sign.astype(np.float32))
            noise, mean = (one - other) / 2 * signs[:, None, None], (noisy + target) / 2
            noisy, target = mean + noise, mean - noise
        return BatchOnGpu(noisy[:, None], target[:, None])

    def _cut(self, drawn: Drawn, corners: Integers) -> tuple[Tensor, Tensor]:
        begin, down, across = self._sent(self._strides(drawn, corners)).T[:, :, None, None]
        places = begin + down * self._down + across * self._across
        return self._noisy[places], self._target[places]

    def _strides(self, drawn: Drawn, corners: Integers) -> Integers:
        """Return ``(n, 3)``: where patches begin, and how far next rows and next columns are away."""
        ways = ORIENTED[drawn.turns, drawn.mirror]
        ways[:, 0] = corners + ways[:, 0] * (self._source.edge - 1)
        strides: Integers = ways[..., 0] * self._width[drawn.region, None] + ways[..., 1]
        strides[:, 0] += self._begin[drawn.region]
        return strides


def _ways(turns: int, mirror: int) -> NDArray[np.intp]:
    """Return which corner of a patch comes first when it is turned, and the ways down and across there."""
    sides = np.indices((2, 2)).astype(np.float32)
    places = np.stack([oriented(side, turns, bool(mirror)) for side in sides], axis=-1).astype(int)
    return np.stack([places[0, 0], places[1, 0] - places[0, 0], places[0, 1] - places[0, 0]])


ORIENTED = np.array([[_ways(turns, mirror) for mirror in range(2)] for turns in range(4)])


def _full(image: Tensor) -> Tensor:
    """Tell, as a tensor, that no square is blank wherever it lies: it would cover one of half its side."""
    side = EDGE // 2
    down, across = (length // side for length in image.shape)
    squares = image[: down * side, : across * side].reshape(down, side, across, side)
    return ((squares.amax((1, 3)) - squares.amin((1, 3))) >= FLAT).all()
