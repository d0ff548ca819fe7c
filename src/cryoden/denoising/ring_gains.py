"""Two gains for each ring of spatial frequency: one for a network's output, one for its input.

What a network leaves out is gone, unless its input is asked once more. In each ring the signal x is
estimated as a·D(y) + b·y, with the gains of least squares. Of the covariances that takes, those of
output D and input y are read off the micrograph. Those with the signal follow from the power N of the
noise, which the finest frequencies show: cov(x, y) = |y|² - N, and by Stein's lemma (1981, Ann. Statist.
9, 1135) cov(x, D) = cov(y, D) - d·N, where d is how strongly the output answers in a ring to a change of
the input in that ring. A little noise added to the input shows d (Monte-Carlo SURE: Ramani, Blu & Unser
2008, IEEE Trans. Image Process. 17, 1540). No second image is needed. Where few coefficients say little
the gains stay near 1 and 0, the network's output as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from cryoden.compute.recorded import constant
from cryoden.denoising import ice_ring, ring_covariances
from cryoden.denoising.ring_filter import summed
from cryoden.micrograph import Array

COARSEST = 10.0  # Å; finer, there is hardly anything but noise and the ring of ice
RECORDED = 0.1  # of the power at `COARSEST`; less than that was cut off, and is no noise of the detector
DOUBT = 2.0  # times itself is a slope of the noise steeper where it is continued, and not seen
BEYOND = 1.15  # times the power that there is: a noise that cannot be
EMPTY_FROM = 0.4  # cycles per working px, from where resampling takes noise away, too
CAUTION = 0.03  # of the noise; so much power above it counts as none
BELIEF = (0.5, 0.3)  # standard deviations of the two gains around 1 and 0 before anything is seen
STEP = 0.1  # standard deviations of the noise that is added to see the response
GRID, BLOCK = 3, 256  # blocks along a side of a large image on which it is seen, and their working px
TINY = 1e-12
SAMPLES = 1025  # of the gains, from 0 to 1/2 cycle per px
LEAST = 64  # working px a side
FEWEST = 4  # rings that show the noise

Network = Callable[[Tensor], Tensor]
Floor = Callable[[Array], Array]


def floor(
    seen: ice_ring.Spectrum, pixel_size: float, scale: float, spread: float, doubt: float = DOUBT
) -> Floor | None:
    """Return the noise's power over frequency, read off where a micrograph holds little else.

    A Gaussian over frequency is continued to low ones: white noise, or noise that a detector blurs. Where it
    is not white, as of dose-weighted sums, nobody knows how it goes on: more noise is believed than follows.

    Parameters
    ----------
    seen : Spectrum
        Of the micrograph, z-scored.
    pixel_size : float
        Its pixel, Å.
    scale : float
        Working pixel over the micrograph's.
    spread : float
        What the working pixels were divided by.
    doubt : float
        Times itself is the slope steeper where it is continued; 0 takes it as it is seen.

    Returns
    -------
    callable or None
        From frequencies in cycles per working px to the power of the working pixels; ``None`` where too
        few frequencies are left.
    """
    finest = np.linspace(0, 0.5, len(seen.power))
    length = pixel_size / np.maximum(finest, 1e-9)
    ring = (length < ice_ring.NOISE[0][1] * 1.04) & (length > ice_ring.NOISE[1][0] * 0.97)
    first = int(np.ceil(min(pixel_size / COARSEST, 0.25) * 2 * (len(finest) - 1)))
    recorded = np.logical_and.accumulate(seen.power[first:] > RECORDED * seen.power[first])
    noise = (finest <= 0.45) & ~ring
    noise[:first], noise[first:] = False, noise[first:] & recorded
    if noise.sum() < FEWEST:
        return None
    weights = np.sqrt(seen.counts[noise])
    fit = np.polynomial.Polynomial.fit(finest[noise] ** 2, np.log(seen.power[noise]), 1, w=weights)

    def power(frequencies: Array) -> Array:
        fitted = fit((frequencies / scale) ** 2)
        continued = np.maximum(fitted - fit(finest[first] ** 2), 0)
        return np.asarray(np.exp(fitted + doubt * continued) / (scale * spread) ** 2, np.float64)

    return power


def combined(
    working: Tensor, output: Tensor, network: Network, noise: Floor | None, weight: Tensor | None = None
) -> Tensor | None:
    """Return the estimate a·D(y) + b·y of the signal.

    Parameters
    ----------
    working, output : Tensor
        ``(h, w)`` input and output of the network.
    network : callable
        From ``(h, w)`` to ``(h, w)``.
    noise : callable or None
        The noise's power, from `floor`.
    weight : Tensor or None
        ``(h, w)``, from `cryoden.denoising.ring_covariances.usual`, where it is known already.

    Returns
    -------
    Tensor or None
        ``(h, w)``; ``None`` where the noise cannot be known or a side is below 64 px.
    """
    if noise is None or min(working.shape) < LEAST:
        return None
    weight = ring_covariances.usual(working) if weight is None else weight
    seen = ring_covariances.measured(torch.stack([output, working])[:, None], weight)
    gains = found(seen, response(working, output, network, weight), noise)
    return None if gains is None else summed((output, working), gains)


def response(working: Tensor, output: Tensor, network: Network, weight: Tensor) -> tuple[Array, Array]:
    """Return frequencies in cycles per px, and how strongly the output answers the input in each ring.

    Of a large image nine blocks, put together as one, are seen: at their borders, which hardly count, the
    network sees its neighbor there, and not what it saw before.
    """
    seen = ring_covariances.measured(answered(working, output, network, weight))
    return answer(seen)


def answer(seen: ring_covariances.RingCovariances) -> tuple[Array, Array]:
    """Return what `response` does from the covariances of what `answered` returns."""
    return seen.frequencies, seen.power[0, 1] / seen.power[0, 0]


def answered(working: Tensor, output: Tensor, network: Network, weight: Tensor) -> Tensor:
    """Return the noise that is added for `response` and the network's answer to it, ``(2, parts, h, w)``."""
    grid = _grid(working.shape)
    before, after = (_joined(_blocks(image, grid)) for image in (working, output))
    change = _even_noise(before.shape[0], before.shape[1], before.device)
    answers = (network(before + STEP * change) - after) / STEP
    weights = _blocks(weight, grid)  # what a crystal answers, nothing else does
    return torch.stack([(_blocks(image, grid) * weights).flatten(0, 1) for image in (change, answers)])


def answer_shape(shape: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the shape of what `answered` returns for working pixels of a shape."""
    grid = _grid(shape)
    height, width = (min(BLOCK, side) if grid > 1 else side for side in shape)
    return 2, grid**2, height, width


def _grid(shape: Sequence[int]) -> int:
    return GRID if min(shape) > GRID * BLOCK else 1


def found(
    seen: ring_covariances.RingCovariances, answer: tuple[Array, Array], noise: Floor
) -> tuple[Array, Array] | None:
    """Return the gains of output and input, ``(SAMPLES,)`` each at frequencies from 0 to 1/2 cycle per px.

    ``seen`` are the covariances of both.

    ``None`` where there is less power than the noise is said to have.

    Least squares over the coefficients of neighboring rings, as likely as `BELIEF` makes them beforehand.
    """
    own, raw = (np.maximum(seen.power[i, i], TINY) for i in range(2))
    shared, number = seen.power[0, 1], seen.number
    believed = noise(seen.frequencies)
    if np.median((believed / raw)[seen.frequencies < EMPTY_FROM]) > BEYOND:
        return None
    noisy = np.where(seen.frequencies > EMPTY_FROM, raw, np.minimum(believed, raw))
    passed = np.interp(seen.frequencies, *answer)
    cautious = np.minimum(noisy * (1 + CAUTION), raw)
    firm = 1 / np.square(BELIEF)
    matrix = number * own / raw + firm[0], number + firm[1], number * shared / raw
    vector = number * (shared - passed * cautious) / raw + firm[0], number * (raw - cautious) / raw
    a, b = _not_negative(matrix, vector)
    return _sampled(seen.frequencies, 1, a), _sampled(seen.frequencies, 0, b)


def _not_negative(matrix: tuple[Array, Array, Array], vector: tuple[Array, Array]) -> tuple[Array, Array]:
    """Solve for two gains, none below 0."""
    one, two, mixed = matrix
    determinant = one * two - mixed**2
    output = (vector[0] * two - vector[1] * mixed) / determinant
    raw = (vector[1] * one - vector[0] * mixed) / determinant
    alone = np.maximum(vector[0] / one, 0), np.maximum(vector[1] / two, 0)
    return (
        np.where(raw < 0, alone[0], np.maximum(output, 0)),
        np.where(output < 0, alone[1], np.maximum(raw, 0)),
    )


def _sampled(frequencies: Array, mean: float, values: Array) -> Array:
    """Return values of rings, and that of the mean, at even steps."""
    known = np.concatenate([[0.0], frequencies]), np.concatenate([[mean], values])
    return np.asarray(np.interp(np.linspace(0, 0.5, SAMPLES), *known), np.float64)


def _blocks(image: Tensor, grid: int) -> Tensor:
    """Return ``(grid, grid, h, w)`` blocks in the middle of even parts of the image; of one alone, all of it.

    At borders, where most blocks would lie that began there, particles may be missing.
    """
    height, width = (min(BLOCK, side) if grid > 1 else side for side in image.shape)
    tops, lefts = (
        [(2 * index + 1) * side // (2 * grid) - part // 2 for index in range(grid)]
        for side, part in zip(image.shape, (height, width), strict=True)
    )
    rows = [torch.stack([image[top : top + height, left : left + width] for left in lefts]) for top in tops]
    return torch.stack(rows)


def _joined(blocks: Tensor) -> Tensor:
    """Return the blocks as one ``(grid * h, grid * w)`` image."""
    grid, _, height, width = blocks.shape
    return blocks.transpose(1, 2).reshape(grid * height, grid * width)


@constant(4)
def _even_noise(height: int, width: int, device: torch.device) -> Tensor:
    """Return noise of random phases and of equal power everywhere, the same each time."""
    phases = torch.fft.rfft2(torch.randn(height, width, generator=torch.Generator().manual_seed(0)))
    even: Tensor = torch.fft.irfft2(phases / phases.abs().clamp_min(TINY), s=(height, width), norm="ortho")
    return even.to(device)
