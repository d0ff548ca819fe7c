"""Poisson and Gaussian noise of a patch, by (seed, epoch, index) alone: the processor's way.

Random words come of a counter-based generator (Salmon et al. 2011, Philox 4×64-10), two for each pixel,
and become noise by integers and single roundings: `cryoden.kernels.noisy_pairs` makes the same bits on a GPU.
A Poisson count of mean n + f is the sum of one of the whole number n, by tables, and one of the fraction f,
by inversion.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cryoden.compute.noise_tables import (
    PARTS,
    UNITS,
    exponential,
    normal_polynomials,
    poisson_tables,
)

Pixels = NDArray[np.float32]
Words = NDArray[np.uint32]
BLOCK = 1 << 15  # px at a time, so that what is computed of them stays near the processor
HALF = np.uint64(32)
BIAS = 1023  # of the exponent of float64


def with_noise(target: Pixels, name: tuple[int, int, int], poisson: float, gaussian: float) -> Pixels:
    """Return a patch with noise: counts over ``poisson``, and ``gaussian`` times normal numbers.

    Parameters
    ----------
    target : ndarray
        ``(h, w)`` float32; not negative where there is Poisson noise.
    name : tuple of int
        Seed, epoch and index.
    poisson : float
        Electrons in a pixel of value 1; 0 for none.
    gaussian : float
        Standard deviation; 0 for none.
    """
    seed, epoch, index = name
    draw = np.random.Philox(key=seed, counter=[0, 0, index, epoch])
    pixels, noisy = target.reshape(-1), np.empty(target.size, np.float32)
    for begin in range(0, len(pixels), BLOCK):
        part = pixels[begin : begin + BLOCK]
        words = np.asarray(draw.random_raw(2 * len(part)), "<u8").view("<u4").reshape(-1, 4)
        if poisson:
            electrons = counts(words[:, :3], part * np.float32(poisson))
            part = electrons.astype(np.float32) / np.float32(poisson)
        noisy[begin : begin + BLOCK] = part + np.float32(gaussian) * normal(words[:, 3])
    return noisy.reshape(target.shape)


def counts(words: Words, means: Pixels) -> Words:
    """Return Poisson counts of ``(n,)`` means; ``(n, 3)`` words are for units, 64s and what is below 1."""
    units = means.astype(np.uint32)
    tables = poisson_tables(int(units.max(initial=0)) // UNITS * UNITS)

    def drawn(row: Words, word: Words) -> Words:
        shift = tables.shift.take(row)
        slot, rest = word >> shift, word << (32 - shift)
        at = tables.begin.take(row) + slot
        return tables.first.take(row) + np.where(rest < tables.least.take(at), slot, tables.other.take(at))

    found = drawn(units % UNITS, words[:, 0])
    high = np.flatnonzero(units >= UNITS)
    found[high] += drawn(units[high] // UNITS + (UNITS - 1), words[high, 1])
    return found + few(words[:, 2], ((means - units) * np.float32(1 << 32)).astype(np.uint64))


def few(words: Words, means: NDArray[np.uint64]) -> Words:
    """Return Poisson counts of means below 1, given in 2⁻³², by inversion."""
    *coefficients, last = exponential()
    chance = np.full_like(means, last)
    for coefficient in reversed(coefficients):
        np.multiply(chance, means, out=chance)
        np.right_shift(chance, HALF, out=chance)
        np.subtract(coefficient, chance, out=chance)
    found, left = np.zeros(len(means), np.uint32), np.flatnonzero(words >= chance)
    reached, chance, number = chance[left], chance[left], 0
    while len(left):
        number += 1
        found[left] = number
        chance = (chance * means[left] >> HALF) // np.uint64(number)
        reached = reached + chance
        more = (words[left] >= reached) & (chance > 0)
        left, reached, chance = left[more], reached[more], chance[more]
    return found


def normal(words: Words) -> Pixels:
    """Return normal numbers: the first bit is the sign, the others are a probability."""
    numbers = np.maximum(words & np.uint32((1 << 31) - 1), 1)
    bits = numbers.astype(np.float64).view(np.uint64)  # the exponent, and what follows the first bit
    row = (bits >> np.uint64(49)).astype(np.intp) - BIAS * PARTS
    within = (bits >> np.uint64(25)).astype(np.uint32) & np.uint32((1 << 24) - 1)
    place = within.astype(np.float32) * np.float32(2.0**-24)
    size, *others = (one.take(row) for one in normal_polynomials().T)
    for coefficient in others:
        size *= place
        size += coefficient
    signed: Pixels = np.copysign(size, words.view(np.int32).astype(np.float32))
    return signed
