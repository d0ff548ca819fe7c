"""Training patches: which pixels are seen at which step.

A patch is a pure function of (seed, step, index), by a counter-based generator (Salmon et al.
2011, Philox). Nothing of the loader needs saving, and any number of threads draws the same
stream.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cryoden.image.blank_regions import blank_share
from cryoden.micrograph import Pixels
from cryoden.sampling.holdout import Region
from cryoden.sampling.source import Batch

VALIDATION_PIXELS = 1 << 21
EMPTY = 0.02  # of a patch may be blank; more teaches a network to show nothing
TRIES = 20  # until a patch is taken as it is, where nearly all is blank

Place = tuple[Region, int, int]  # top and left


@dataclass(frozen=True)
class Drawn:
    """Where a patch lies, and its noise; by how many quarters it is turned, and the sign of its noise."""

    place: Place
    near: Place
    turns: int
    mirror: bool
    sign: int


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
        areas = np.array([r.height * r.width for r in regions], dtype=np.float64)
        self._cumulative = np.cumsum(areas) / areas.sum()

    def draw(self, step: int, index: int) -> tuple[Pixels, Pixels]:
        """Return patch ``index`` of batch ``step``: noisy and target, ``(p, p)`` z-scored."""
        numbers = self._numbers(step, index)
        place = self._place(numbers)
        turns, mirror, swapped = numbers.integers((4, 2, 2))
        place, (noisy, target) = self._showing(place, numbers)
        if self.swap:
            own = (noisy - target) / np.float32(2)
            noise = self._noise(place, own, numbers) * np.float32(-1 if swapped else 1)
            mean = (noisy + target) / np.float32(2)
            noisy, target = mean + noise, mean - noise
        return oriented(noisy, int(turns), bool(mirror)), oriented(target, int(turns), bool(mirror))

    def drawn(self, step: int, index: int) -> Drawn:
        """Return how `draw` makes this patch where nothing is blank."""
        numbers = self._numbers(step, index)
        place = self._place(numbers)
        turns, mirror, swapped = numbers.integers((4, 2, 2))
        near = self._near(place, numbers) if self.swap else place
        return Drawn(place, near, int(turns), bool(mirror), -1 if swapped else 1)

    def _numbers(self, step: int, index: int) -> np.random.Generator:
        return np.random.Generator(np.random.Philox(key=self.seed, counter=[0, 0, index, step]))

    def _place(self, numbers: np.random.Generator) -> Place:
        region = self.regions[int(np.searchsorted(self._cumulative, numbers.random(), side="right"))]
        top = region.top + int(numbers.integers(region.height - self.edge + 1))
        left = region.left + int(numbers.integers(region.width - self.edge + 1))
        return region, top, left

    def _showing(self, place: Place, numbers: np.random.Generator) -> tuple[Place, tuple[Pixels, Pixels]]:
        """Return a place and its patch, or another one where hardly anything is shown there."""
        best, sides = place, self._pair(place)
        least = self._empty(*sides)
        for _ in range(TRIES if least > EMPTY else 0):
            place = self._place(numbers)
            found = self._pair(place)
            share = self._empty(*found)
            best, sides, least = (place, found, share) if share < least else (best, sides, least)
            if least <= EMPTY:
                break
        return best, sides

    def _pair(self, place: Place) -> tuple[Pixels, Pixels]:
        region, top, left = place
        noisy, target = (
            each.window(top, left, self.edge, self.edge) for each in (region.pair.noisy, region.pair.target)
        )
        return noisy, target

    def _empty(self, noisy: Pixels, target: Pixels) -> float:
        """Return how much of a patch is blank; a target without noise may well be constant in places."""
        return max(blank_share(noisy), blank_share(target) if self.swap else 0.0)

    def _noise(self, place: Place, own: Pixels, numbers: np.random.Generator) -> Pixels:
        """Return half the difference of two halves at a place nearby; their own where that is blank.

        Of halves A and B both (A + B) / 2 + n and (A + B) / 2 - n are halves again, if n has the spectrum
        of (A - B) / 2 and is independent of both sums. The difference holds no signal; a few pixels away its
        noise is independent, and within a patch's edge ice is as thick. So no two steps see the same noise.
        """
        one, other = self._pair(self._near(place, numbers))
        return own if self._empty(one, other) > EMPTY else (one - other) / np.float32(2)

    def _near(self, place: Place, numbers: np.random.Generator) -> Place:
        region, top, left = place
        rows, columns = region.height - self.edge, region.width - self.edge
        moved = numbers.integers(-self.edge, self.edge + 1, 2)
        near_top = region.top + int(np.clip(top + moved[0] - region.top, 0, rows))
        return region, near_top, region.left + int(np.clip(left + moved[1] - region.left, 0, columns))

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
        for sides in (self._pair(corners[i]) for i in chosen):
            if self._empty(*sides) <= EMPTY:
                shown += 1
                yield _batch(sides)
        if not shown:  # there is nothing else to judge with
            yield from (_batch(self._pair(corners[i])) for i in chosen)

    def _corners(self, region: Region) -> Iterator[tuple[int, int]]:
        for top in range(region.top, region.top + region.height - self.edge + 1, self.edge):
            for left in range(region.left, region.left + region.width - self.edge + 1, self.edge):
                yield top, left


def _batch(sides: tuple[Pixels, Pixels]) -> Batch:
    noisy, target = sides
    return Batch(noisy[None, None], target[None, None])


def oriented(pixels: Pixels, turns: int, mirror: bool) -> Pixels:
    """Return pixels turned by quarters of a circle, and then mirrored left to right."""
    turned = np.rot90(pixels, turns)
    return np.ascontiguousarray(turned[:, ::-1] if mirror else turned)
