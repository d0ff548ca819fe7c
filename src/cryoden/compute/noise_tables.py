"""What random words become by integers alone: Poisson counts by tables, normal numbers by polynomials.

Processor and GPU read the same tables, and integers and single roundings are the same on both: so the
noise is the same, bit for bit. Probabilities are right to 2⁻³², the fineness of a word.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, ndtri, pdtr, pdtrc, xlogy

UNITS = 64  # rows of means 0 to 63, and after them of 64, 128, …
WORD = 1 << 32
TAIL = 2.0**-34  # what is left out on either side
EXPONENTIAL = np.array([1, 1, 2, 6, 24, 120, 720, 5_040, 40_320, 362_880, 3_628_800, 39_916_800, 479_001_600])
PARTS = 8  # of an octave
NODES = (1 - np.cos(np.pi * (np.arange(4) + 0.5) / 4)) / 2  # Chebyshev's, of an interval from 0 to 1

Words = NDArray[np.uint32]


@dataclass(frozen=True, eq=False)
class PoissonTables:
    """Alias tables (Walker 1977) of Poisson distributions, one row for each mean.

    Parameters
    ----------
    begin, shift, first : ndarray
        ``(n,)`` of each row: where its slots begin, by how many bits a word is shifted to one of them, and
        the count that the first slot stands for.
    least, other : ndarray
        ``(m,)`` of each slot: below which 32-bit number it stands for itself, and which one it else stands
        for.
    """

    begin: Words
    shift: Words
    first: Words
    least: Words
    other: Words


@cache
def poisson_tables(most: int) -> PoissonTables:
    """Return rows for means that add up to all whole numbers up to ``most``; see `UNITS`."""
    rows = [_row(mean) for mean in (*range(UNITS), *range(UNITS, most + 1, UNITS))]
    sizes = [len(least) for _, least, _ in rows]
    columns = (
        np.cumsum([0, *sizes[:-1]]),
        [33 - size.bit_length() for size in sizes],
        [first for first, _, _ in rows],
        *(np.concatenate(part) for part in list(zip(*rows, strict=True))[1:]),
    )
    return PoissonTables(*(np.array(column, np.uint32) for column in columns))


@cache
def exponential() -> NDArray[np.uint64]:
    """Return 2³²/k!, the coefficients of exp(-x) but for their signs."""
    return np.array([round(WORD / int(k)) for k in EXPONENTIAL], np.uint64)


@cache
def normal_polynomials() -> NDArray[np.float32]:
    """Return ``(248, 4)`` cubic polynomials, highest power first, of the normal quantile of a 31-bit number.

    One for each eighth of an octave: -z of the probability (number + ½) / 2³².
    """
    octaves = 2.0 ** np.arange(31)[:, None, None]
    places = 1 + (np.arange(PARTS)[:, None] + NODES) / PARTS
    values = -ndtri((octaves * places + 0.5) / WORD)
    powers = np.linalg.inv(np.vander(NODES))
    return np.asfortranarray((values @ powers.T).reshape(-1, 4).astype(np.float32))


def _row(mean: int) -> tuple[int, Words, Words]:
    """Return the least count of a Poisson distribution, and its slots, a power of two of them."""
    counts = np.arange(mean + 30 + 8 * int(mean**0.5))
    above = pdtrc(np.maximum(counts - 1.0, 0), mean)
    kept = counts[(pdtr(counts, mean) > TAIL) & (above > TAIL)] if mean else counts[:1]
    chances = np.exp(xlogy(kept, mean) - mean - gammaln(kept + 1.0))
    size = 1 << max(1, (len(kept) - 1).bit_length())
    shares = [round(float(one) * size * WORD) for one in chances / chances.sum()] + [0] * (size - len(kept))
    shares[int(np.argmax(chances))] += size * WORD - sum(shares)
    return int(kept[0]), *_aliased(shares)


def _aliased(shares: list[int]) -> tuple[Words, Words]:
    """Return threshold and alias of each slot; shares are in 2⁻³² of a slot, and fill all of them."""
    least, other = np.full(len(shares), WORD - 1, np.uint32), np.arange(len(shares), dtype=np.uint32)
    poor = [slot for slot, share in enumerate(shares) if share < WORD]
    rich = [slot for slot, share in enumerate(shares) if share > WORD]
    while poor:
        slot, giver = poor.pop(), rich[-1]
        least[slot], other[slot] = shares[slot], giver
        shares[giver] -= WORD - shares[slot]
        if shares[giver] <= WORD:
            rich.pop()
            poor += [giver] * (shares[giver] < WORD)
    return least, other
