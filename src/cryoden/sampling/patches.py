"""Training patches: which pixels are seen at which step.

A patch is a pure function of (seed, step, index), by a counter-based generator (Salmon et al.
2011, Philox). Nothing of the loader needs saving, and any number of threads draws the same
stream.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from cryoden.image.blank_regions import blank_share
from cryoden.micrograph import Pixels
from cryoden.sampling.holdout import Region
from cryoden.sampling.source import Batch

VALIDATION_PIXELS = 1 << 21
EMPTY = 0.02  # of a patch may be blank; more teaches a network to show nothing
TRIES = 20  # until a patch is taken as it is, where nearly all is blank

NUMBERS = 8  # drawn for a patch; the generator makes four at once

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Drawn:
    """Where n patches lie, and their noise.

    Attributes
    ----------
    region : ndarray
        ``(n,)``, of the source's regions.
    place : ndarray
        ``(n, 2)`` top and left in px.
    moved : ndarray
        ``(n, 2)``; how far from there the noise is from, unless that is outside of the region.
    turns, mirror, sign : ndarray
        ``(n,)``; by how many quarters a patch is turned, 1 where it is mirrored, and the sign of its noise.
    """

    region: Integers
    place: Integers
    moved: Integers
    turns: Integers
    mirror: Integers
    sign: Integers

    def part(self, rank: int, ranks: int) -> Drawn:
        """Return every so manyth of them, as processes share a batch."""
        return Drawn(*(getattr(self, one.name)[rank::ranks] for one in fields(self)))


class PatchSource:
    """Draws patches from regions, reading no more than the windows it needs.

    Parameters
    ----------
    regions : sequence of Region
        Where to draw from, weighted by area, of micrographs as the network sees them
        (`cryoden.training.working_micrograph.at_working_pixel`).
    edge : int
        Edge of a patch in px.
    seed : int
        Seed of the stream.
    swap : bool
        Whether noisy and target are halves (Noise2Noise): their noise is drawn anew each time.
    size : int
        Patches a step.
    """

    def __init__(self, regions: Sequence[Region], edge: int, seed: int, *, swap: bool, size: int = 1) -> None:
        self.regions = tuple(regions)
        self.edge = edge
        self.seed = seed
        self.swap = swap
        self.size = size
        areas = np.cumsum([r.height * r.width for r in regions], dtype=np.float64)
        self._shares = areas / areas[-1]
        self._first = np.array([(r.top, r.left) for r in regions])
        self._room = np.array([(r.height - edge, r.width - edge) for r in regions])

    def draw(self, step: int, index: int) -> tuple[Pixels, Pixels]:
        """Return patch ``index`` of batch ``step``: noisy and target, ``(p, p)`` z-scored."""
        drawn = self._of(self._numbers(step, index, 1))
        drawn, (noisy, target) = self._showing(drawn, step, index)
        if self.swap:
            own = (noisy - target) / np.float32(2)
            noise = self._noise(drawn, own) * np.float32(drawn.sign[0])
            mean = (noisy + target) / np.float32(2)
            noisy, target = mean + noise, mean - noise
        turns, mirror = int(drawn.turns[0]), bool(drawn.mirror[0])
        return oriented(noisy, turns, mirror), oriented(target, turns, mirror)

    def drawn(self, step: int) -> Drawn:
        """Return how `draw` makes the patches of a batch where nothing is blank."""
        return self._of(self._numbers(step, 0, self.size))

    def near(self, drawn: Drawn) -> Integers:
        """Return ``(n, 2)`` top and left of where noise is from."""
        first, room = self._first[drawn.region], self._room[drawn.region]
        near: Integers = np.clip(drawn.place + drawn.moved, first, first + room)
        return near

    def _numbers(self, step: int, first: int, count: int) -> NDArray[np.float64]:
        """Return ``(count, 8)`` numbers from 0 to 1, each row the same whichever is the first."""
        counter = [first * NUMBERS // 4, 0, 0, step]
        return np.random.Generator(np.random.Philox(key=self.seed, counter=counter)).random((count, NUMBERS))

    def _of(self, numbers: NDArray[np.float64]) -> Drawn:
        region = np.searchsorted(self._shares, numbers[:, 0], side="right")
        place = self._first[region] + _below(self._room[region] + 1, numbers[:, 1:3])
        moved = _below(2 * self.edge + 1, numbers[:, 3:5]) - self.edge
        turns, mirror, sign = (_below(count, numbers[:, 5 + at]) for at, count in enumerate((4, 2, 2)))
        return Drawn(region, place, moved, turns, mirror, 1 - 2 * sign)

    def _showing(self, drawn: Drawn, step: int, index: int) -> tuple[Drawn, tuple[Pixels, Pixels]]:
        """Return a patch and its pixels, or those of another place where hardly anything is shown there."""
        best, sides = drawn, self._pair(drawn.region, drawn.place)
        least = self._empty(*sides)
        if least <= EMPTY:
            return best, sides
        numbers = np.random.Generator(np.random.Philox(key=self.seed, counter=[0, 1 + index, 0, step]))
        for _ in range(TRIES):
            other = self._of(numbers.random((1, NUMBERS)))
            found = self._pair(other.region, other.place)
            share = self._empty(*found)
            best, sides, least = (other, found, share) if share < least else (best, sides, least)
            if least <= EMPTY:
                break
        return best, sides

    def _pair(self, region: Integers, place: Integers) -> tuple[Pixels, Pixels]:
        return self._window(self.regions[int(region[0])], int(place[0, 0]), int(place[0, 1]))

    def _window(self, region: Region, top: int, left: int) -> tuple[Pixels, Pixels]:
        noisy, target = (
            each.window(top, left, self.edge, self.edge) for each in (region.pair.noisy, region.pair.target)
        )
        return noisy, target

    def _empty(self, noisy: Pixels, target: Pixels) -> float:
        """Return how much of a patch is blank; a target without noise may well be constant in places."""
        return max(blank_share(noisy), blank_share(target) if self.swap else 0.0)

    def _noise(self, drawn: Drawn, own: Pixels) -> Pixels:
        """Return half the difference of two halves at a place nearby; their own where that is blank.

        Of halves A and B both (A + B) / 2 + n and (A + B) / 2 - n are halves again, if n has the spectrum
        of (A - B) / 2 and is independent of both sums. The difference holds no signal; a few pixels away its
        noise is independent, and within a patch's edge ice is as thick. So no two steps see the same noise.
        """
        one, other = self._pair(drawn.region, self.near(drawn))
        return own if self._empty(one, other) > EMPTY else (one - other) / np.float32(2)

    def items(self, epoch: int, step: int) -> Sequence[tuple[int, int]]:  # noqa: ARG002  no patch is seen twice
        """Return step and index of each patch of a batch."""
        return [(step, index) for index in range(self.size)]

    def read(self, item: tuple[int, int], noisy: Pixels, target: Pixels) -> None:
        """Write the patch of this step and index into two buffers."""
        noisy[...], target[...] = self.draw(*item)

    def batch(self, step: int, size: int) -> Batch:
        """Return a batch of so many patches at once."""
        noisy, target = zip(*(self.draw(step, index) for index in range(size)), strict=True)
        return Batch(np.stack(noisy)[:, None], np.stack(target)[:, None])

    def grid(self) -> Iterator[Batch]:
        """Yield every held-out patch that is not blank once, one per batch, evenly spread, at most 2 Mpx."""
        corners = [(region, top, left) for region in self.regions for top, left in self._corners(region)]
        chosen = np.unique(
            np.linspace(0, len(corners) - 1, max(1, VALIDATION_PIXELS // self.edge**2)).astype(int)
        )
        shown = 0
        for sides in (self._window(*corners[i]) for i in chosen):
            if self._empty(*sides) <= EMPTY:
                shown += 1
                yield _batch(sides)
        if not shown:  # there is nothing else to judge with
            yield from (_batch(self._window(*corners[i])) for i in chosen)

    def _corners(self, region: Region) -> Iterator[tuple[int, int]]:
        for top in range(region.top, region.top + region.height - self.edge + 1, self.edge):
            for left in range(region.left, region.left + region.width - self.edge + 1, self.edge):
                yield top, left


def _batch(sides: tuple[Pixels, Pixels]) -> Batch:
    noisy, target = sides
    return Batch(noisy[None, None], target[None, None])


def _below(count: int | Integers, numbers: NDArray[np.float64]) -> Integers:
    """Return integers from 0 to below a count, all as likely, for numbers from 0 to below 1."""
    found: Integers = (numbers * count).astype(np.int64)
    return found


def oriented(pixels: Pixels, turns: int, mirror: bool) -> Pixels:
    """Return pixels turned by quarters of a circle, and then mirrored left to right."""
    turned = np.rot90(pixels, turns)
    return np.ascontiguousarray(turned[:, ::-1] if mirror else turned)
