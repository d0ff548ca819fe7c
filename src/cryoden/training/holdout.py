"""Which pixels a run may learn from, and which it is judged on: never the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise, zip_longest

import numpy as np

from cryoden.errors import MicrographError, TrainingError
from cryoden.micrograph import Windowed

LEAST_EDGE, GRID = 32, 16  # px, of a patch


@dataclass(frozen=True)
class TrainingPair:
    """What the network sees and what it is compared with, of the same scene."""

    noisy: Windowed
    target: Windowed

    @property
    def name(self) -> str:
        """Name of the noisy micrograph, which stands for the pair."""
        return self.noisy.name


@dataclass(frozen=True)
class Region:
    """A rectangle of one pair, in its pixels: a whole micrograph, or a part of a lone one."""

    pair: TrainingPair
    top: int
    left: int
    height: int
    width: int


def fitting_edge(pairs: Sequence[TrainingPair], wanted: int) -> int:
    """Return the largest edge of a patch up to ``wanted`` px that all pairs have room for.

    A lone pair keeps at least three of four parts to train on. Below `LEAST_EDGE` nothing is
    fitted: `split` then names the micrograph that is too small.
    """
    share = 4 if len(pairs) == 1 else 1
    room = [min(*pair.noisy.shape, max(pair.noisy.shape) // share) for pair in pairs]
    return min(wanted, max(LEAST_EDGE, min(room, default=wanted) // GRID * GRID))


def split(
    pairs: Sequence[TrainingPair], held_out: float, edge: int, seed: int
) -> tuple[list[Region], list[Region]]:
    """Divide pairs into training and held-out regions that share no pixel.

    Whole micrographs are held out; a lone pair gives up strips across its longer side.

    Raises
    ------
    TrainingError
        T00 when there is no pair.
    MicrographError
        D12 for a micrograph smaller than a patch.
    """
    if not pairs:
        raise TrainingError("T00", None, "no pairs to train on", fix="Give at least one pair of micrographs")
    wholes = [_whole(pair, edge) for pair in pairs]
    if len(wholes) == 1:
        return _strips(wholes[0], held_out, edge)
    number = min(len(pairs) - 1, max(1, round(held_out * len(pairs))))
    chosen = set(np.random.Generator(np.random.Philox(key=seed)).permutation(len(pairs))[:number].tolist())
    training = [region for i, region in enumerate(wholes) if i not in chosen]
    return training, [wholes[i] for i in sorted(chosen)]


def _whole(pair: TrainingPair, edge: int) -> Region:
    height, width = pair.noisy.shape
    if min(height, width) < edge:
        raise MicrographError(
            "D12",
            pair.noisy.path or pair.name,
            f"smaller than a patch ({height}×{width} px, patch {edge} px)",
            kept="Nothing was trained",
            fix="Choose finer working pixels or leave this micrograph out",
        )
    return Region(pair, 0, 0, height, width)


def _strips(whole: Region, held_out: float, edge: int) -> tuple[list[Region], list[Region]]:
    """Hold strips out that are spread over the longer side, so that uneven ground is in both parts."""
    longer = max(whole.height, whole.width)
    strip = max(edge, round(held_out * longer))
    if longer - strip < edge:
        raise MicrographError(
            "D12",
            whole.pair.noisy.path or whole.pair.name,
            f"too small to hold a part out (longer side {longer} px, two patches of {edge} px needed)",
            kept="Nothing was trained",
            fix="Choose finer working pixels or give a second pair",
        )
    number = min(strip // edge, (longer - strip) // edge - 1)
    widths = [longer - strip, strip] if number < 1 else _alternating(longer - strip, strip, number)
    parts = [_slab(whole, begin, end) for begin, end in pairwise([0, *accumulate(widths)])]
    return parts[::2], parts[1::2]


def _alternating(trained: int, held: int, number: int) -> list[int]:
    """Return widths: trained on, held out, trained on, … with ``number`` strips held out."""
    train, hold = _shares(trained, number + 1), _shares(held, number)
    return [width for pair in zip_longest(train, hold) for width in pair if width is not None]


def _shares(total: int, number: int) -> list[int]:
    """Return ``number`` widths that differ by one at most and add up to ``total``."""
    return [total * (i + 1) // number - total * i // number for i in range(number)]


def _slab(whole: Region, begin: int, end: int) -> Region:
    if whole.height > whole.width:
        return Region(whole.pair, begin, 0, end - begin, whole.width)
    return Region(whole.pair, 0, begin, whole.height, end - begin)
