"""Which pixels a run may learn from, and which it is judged on: never the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise, zip_longest

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
class Part:
    """A rectangle of one of several micrographs, in its pixels: all of it, or a strip of a lone one."""

    which: int
    top: int
    left: int
    height: int
    width: int


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
    """Divide pairs into training and held-out regions that share no pixel; see `hold_out`.

    Raises
    ------
    TrainingError
        T00 when there is no pair.
    MicrographError
        D12 for a micrograph smaller than a patch, or too small to hold a part of it out.
    """
    if not pairs:
        raise TrainingError("T00", None, "no pairs to train on", fix="Give at least one pair of micrographs")
    for pair in pairs:
        _refuse_too_small(pair, edge)
    parts = hold_out([pair.noisy.shape for pair in pairs], held_out, edge, seed)
    if not parts[0]:
        longer = max(pairs[0].noisy.shape)
        problem = f"too small to hold out a part (longer side {longer} px, two patches of {edge} px needed)"
        raise _too_small(pairs[0], problem, "add a second pair")
    training, held = (
        [Region(pairs[p.which], p.top, p.left, p.height, p.width) for p in some] for some in parts
    )
    return training, held


def hold_out(
    shapes: Sequence[tuple[int, int]], share: float, edge: int, seed: int, step: int = 1
) -> tuple[list[Part], list[Part]]:
    """Divide micrographs into parts to train on and parts to judge with, which share no pixel.

    Whole micrographs are held out, at least one; a lone one gives up strips across its longer side.

    Parameters
    ----------
    shapes : sequence of tuple of int
        Height and width of each in px, none smaller than a patch.
    share : float
        How much is held out.
    edge : int
        Of a patch, in px.
    seed : int
        Decides which micrographs.
    step : int
        Where patches begin at multiples of this many px, so do held-out strips, and end with a patch.

    Returns
    -------
    tuple of list of Part
        To train on, and held out; nothing to train on where a lone micrograph has no room for both.
    """
    wholes = [Part(which, 0, 0, *shape) for which, shape in enumerate(shapes)]
    if len(wholes) == 1:
        return _strips(wholes[0], share, edge, step)
    number = min(len(wholes) - 1, max(1, round(share * len(wholes))))
    order = np.random.Generator(np.random.Philox(key=seed)).permutation(len(wholes))
    chosen = set(order[:number].tolist())
    return [part for part in wholes if part.which not in chosen], [wholes[which] for which in sorted(chosen)]


def narrowed(regions: Sequence[Region], margin: int) -> list[Region]:
    """Return strips without so many px on either side, where they lie beside others; wholes as they are."""
    return [_narrowed(region, margin) for region in regions]


def _narrowed(region: Region, margin: int) -> Region:
    height, width = region.pair.noisy.shape
    top, bottom = (margin if at else 0 for at in (region.top, height - region.top - region.height))
    left, right = (margin if at else 0 for at in (region.left, width - region.left - region.width))
    sides = region.height - top - bottom, region.width - left - right
    return Region(region.pair, region.top + top, region.left + left, *sides)


def _refuse_too_small(pair: TrainingPair, edge: int) -> None:
    height, width = pair.noisy.shape
    if min(height, width) < edge:
        problem = f"smaller than a patch ({height}×{width} px, patch {edge} px)"
        raise _too_small(pair, problem, "leave this micrograph out")


def _too_small(pair: TrainingPair, problem: str, otherwise: str) -> MicrographError:
    where, fix = pair.noisy.path or pair.name, f"Choose a smaller working pixel size or {otherwise}"
    return MicrographError("D12", where, problem, kept="Nothing was trained", fix=fix)


def _strips(whole: Part, share: float, edge: int, step: int) -> tuple[list[Part], list[Part]]:
    """Hold strips out that are spread over the longer side, so that uneven ground is in both parts."""
    longer = max(whole.height, whole.width)
    strip = max(edge, round(share * longer))
    if longer - strip < edge:
        return [], [whole]
    number = min(strip // edge, (longer - strip) // edge - 1)
    widths = [longer - strip, strip] if number < 1 else _alternating(longer - strip, strip, number)
    ends = list(accumulate(widths))
    held = [_aligned(begin, end, edge, step) for begin, end in zip(ends[::2], ends[1::2], strict=False)]
    bounds = [0, *chain.from_iterable(held), longer]
    parts = [_slab(whole, begin, end) for begin, end in pairwise(bounds)]
    return [part for part in parts[::2] if part.height and part.width], parts[1::2]


def _aligned(begin: int, end: int, edge: int, step: int) -> tuple[int, int]:
    """Return the strip as patches a step apart fill it."""
    first = begin // step * step
    return first, first + edge + (end - begin - edge) // step * step


def _alternating(trained: int, held: int, number: int) -> list[int]:
    """Return widths: trained on, held out, trained on, … with ``number`` strips held out."""
    train, hold = _shares(trained, number + 1), _shares(held, number)
    return [width for pair in zip_longest(train, hold) for width in pair if width is not None]


def _shares(total: int, number: int) -> list[int]:
    """Return ``number`` widths that differ by one at most and add up to ``total``."""
    return [total * (i + 1) // number - total * i // number for i in range(number)]


def _slab(whole: Part, begin: int, end: int) -> Part:
    if whole.height > whole.width:
        return Part(whole.which, begin, 0, end - begin, whole.width)
    return Part(whole.which, 0, begin, whole.height, end - begin)
