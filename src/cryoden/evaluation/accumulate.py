"""What an evaluation keeps from one exposure to the next: figures and small pictures, no micrographs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from statistics import fmean
from typing import NamedTuple

import numpy as np

from cryoden.evaluation import hallucination
from cryoden.evaluation.exposures import Exposure
from cryoden.evaluation.half_metrics import middle
from cryoden.evaluation.methods import Method
from cryoden.evaluation.scores import Checks, Kind, Row, Scores, Table, averaged
from cryoden.evaluation.scoring import Halves, Sums
from cryoden.events.quality import Coverage
from cryoden.image.block_mean import averaged_down, repeated
from cryoden.image.correlation import pearson
from cryoden.micrograph import Pixels
from cryoden.reporting.thumbnails import Picture, matched, shown

EDGE = 512  # px of a picture's longer side, about
DIFFERENT = 1.0  # the denoised halves have nothing in common


class Found(NamedTuple):
    """What was found out about one method on one exposure."""

    scores: Scores
    sums: Sums
    checks: Checks | None
    coverage: Coverage | None = None


class Accumulator:
    """Takes in what was found, exposure by exposure, and gives the table.

    Parameters
    ----------
    total : int
        Methods times exposures.
    beyond : float
        Å beyond which phases are made random.
    """

    def __init__(self, total: int, beyond: float) -> None:
        self.total, self.beyond = total, beyond
        self.done, self.pixels, self.unit = 0, 0, "Å"
        self.pictures: list[Picture] = []
        self._kinds: dict[str, Kind] = {}
        self._found: dict[str, dict[str, Found]] = {}
        self._r_half: list[float] = []
        self._models: list[Pixels] = []
        self._spreads: list[float] = []

    def begin(self, exposure: Exposure) -> None:
        """Note an exposure before its methods."""
        self.pixels += exposure.even.size
        self.unit = exposure.unit
        self._r_half.append(pearson(exposure.even, exposure.odd))

    def add(self, method: Method, exposure: Exposure, denoised: Halves, found: Found) -> None:
        """Note what was found about a method on the exposure; pictures are of the first one."""
        self.done += 1
        self._kinds[method.name] = method.kind
        self._found.setdefault(method.name, {})[exposure.name] = found
        if len(self._r_half) == 1:
            self.pictures += snapshots(method, exposure, denoised)
        if method.kind == "model":
            self._models.append(denoised[0])

    def end(self) -> None:
        """Compare the exposure's models with each other, and let go of its pixels."""
        if len(self._models) > 1:
            self._spreads.append(hallucination.spread(self._models).relative)
        self._models.clear()

    def add_all(self, other: Accumulator) -> None:
        """Take in what another one has kept of other exposures; its pictures where there are none yet."""
        self.done, self.pixels, self.unit = self.done + other.done, self.pixels + other.pixels, other.unit
        self.pictures = self.pictures or other.pictures
        self._kinds |= other._kinds
        for name, found in other._found.items():
            self._found.setdefault(name, {}).update(found)
        self._r_half += other._r_half
        self._spreads += other._spreads

    def table(self) -> Table:
        """Return everything that was recorded, without provenance."""
        rows = tuple(self._row(name) for name in self._found)
        spread = fmean(self._spreads) if self._spreads else None
        return Table(rows, self.unit, fmean(self._r_half), self.pixels, spread)

    def _row(self, name: str) -> Row:
        found = self._found[name]
        scores = {pair: one.scores for pair, one in found.items()}
        checks = [one.checks for one in found.values() if one.checks is not None]
        sums = reduce(Sums.plus, (one.sums for one in found.values()))
        mean = averaged(list(scores.values()))
        return Row(
            name,
            self._kinds[name],
            mean,
            scores,
            sums.curves(),
            averaged(checks) if checks else None,
            {pair: one.coverage for pair, one in found.items() if one.coverage is not None},
        )


def snapshots(method: Method, exposure: Exposure, denoised: Halves) -> Iterator[Picture]:
    """Yield what a method makes of the even half, what it took away, and where its halves differ."""
    even, odd = (middle(half) for half in denoised)
    span = even.shape[1] * exposure.pixel_size
    yield Picture(method.name, "image", matched(averaged_down(even, EDGE)), span)
    if method.kind not in {"model", "other"}:
        return
    removed = averaged_down(middle(exposure.even) - even, EDGE)
    reach = 3 * float(removed.std()) or 1.0
    centered = removed - np.float32(removed.mean())
    yield Picture(method.name, "difference", shown(centered, -reach, reach), span, "diverging")
    apart = hallucination.disagreement(even, odd, exposure.pixel_size).map
    large = averaged_down(repeated(apart, hallucination.BIN), EDGE)  # as large as the pictures beside it
    yield Picture(method.name, "disagreement", shown(large, 0, DIFFERENT), span, "heat")
