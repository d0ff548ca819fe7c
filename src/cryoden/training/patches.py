"""Training patches: which pixels are seen at which step.

A patch is a pure function of (seed, step, index), by a counter-based generator (Salmon et al.
2011, Philox). Nothing of the loader needs saving, and any number of threads draws the same
stream.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from cryoden.micrograph import Pixels
from cryoden.training.holdout import Region
from cryoden.training.source import Batch

VALIDATION_PIXELS = 1 << 21


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
        numbers = np.random.Generator(np.random.Philox(key=self.seed, counter=[0, 0, index, step]))
        region = self.regions[int(np.searchsorted(self._cumulative, numbers.random(), side="right"))]
        top = region.top + int(numbers.integers(region.height - self.edge + 1))
        left = region.left + int(numbers.integers(region.width - self.edge + 1))
        turns, mirror, swapped = numbers.integers((4, 2, 2))
        noisy, target = self._pair(region, top, left)
        if self.swap:
            noise = self._noise(region, top, left, numbers) * np.float32(-1 if swapped else 1)
            mean = (noisy + target) / np.float32(2)
            noisy, target = mean + noise, mean - noise
        return _oriented(noisy, int(turns), bool(mirror)), _oriented(target, int(turns), bool(mirror))

    def _pair(self, region: Region, top: int, left: int) -> tuple[Pixels, Pixels]:
        noisy, target = (
            each.window(top, left, self.edge, self.edge) for each in (region.pair.noisy, region.pair.target)
        )
        return noisy, target

    def _noise(self, region: Region, top: int, left: int, numbers: np.random.Generator) -> Pixels:
        """Return half the difference of two halves at a place nearby.

        Of halves A and B both (A + B) / 2 + n and (A + B) / 2 - n are halves again, if n has the spectrum
        of (A - B) / 2 and is independent of both sums. The difference holds no signal; a few pixels away its
        noise is independent, and within a patch's edge ice is as thick. So no two steps see the same noise.
        """
        rows, columns = region.height - self.edge, region.width - self.edge
        moved = numbers.integers(-self.edge, self.edge + 1, 2)
        near_top = region.top + int(np.clip(top + moved[0] - region.top, 0, rows))
        near_left = region.left + int(np.clip(left + moved[1] - region.left, 0, columns))
        one, other = self._pair(region, near_top, near_left)
        return (one - other) / np.float32(2)

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
        """Yield every held-out patch once, one per batch, evenly spread, at most 2 Mpx."""
        corners = [(region, top, left) for region in self.regions for top, left in self._corners(region)]
        chosen = np.unique(
            np.linspace(0, len(corners) - 1, max(1, VALIDATION_PIXELS // self.edge**2)).astype(int)
        )
        for region, top, left in (corners[i] for i in chosen):
            noisy, target = (
                m.window(top, left, self.edge, self.edge)[None, None]
                for m in (region.pair.noisy, region.pair.target)
            )
            yield Batch(noisy, target)

    def _corners(self, region: Region) -> Iterator[tuple[int, int]]:
        for top in range(region.top, region.top + region.height - self.edge + 1, self.edge):
            for left in range(region.left, region.left + region.width - self.edge + 1, self.edge):
                yield top, left


def _oriented(pixels: Pixels, turns: int, mirror: bool) -> Pixels:
    turned = np.rot90(pixels, turns)
    return np.ascontiguousarray(turned[:, ::-1] if mirror else turned)
