"""The grain of amorphous ice, which shows as a ring near 3.7 Å in a micrograph's power spectrum.

It is finer than what a network on pixels of 3 Å sees, and it is signal: two halves share it. How
strong it is a micrograph says itself, by the power above the noise on both sides of the ring. A
parametric Wiener filter passes it on, S / (S + (1 + µ) N) (Lim & Oppenheim 1979, Proc. IEEE 67,
1586), µ > 0 because the noise in it is fine grain that an eye takes for detail.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from cryoden.normalization import Normalization
from cryoden.rings import Array, neighbours_averaged
from cryoden.tiling import mirrored

RING = (5.0, 3.1)  # Å
NOISE = ((7.0, 5.0), (3.1, 2.2))  # Å, where there is little else
DEGREE = 3  # of the logarithm of the noise's power, over the frequency
CAUTION = 1.0  # µ
EDGE, ACROSS = 256, 8  # px of a block; blocks along a side at most
REACH = 2  # rings at each side that are averaged
SURE, LEAST = 4.0, 0.01  # standard errors, and share of the noise, below which a ring is none
MARGIN = 64  # px the image is mirrored by
ROWS = 1024  # that are filtered at a time


def gains(image: Tensor, pixel_size: float) -> Tensor | None:
    """Return by what to multiply each frequency of what a network took for noise.

    Parameters
    ----------
    image : Tensor
        ``(h, w)`` raw pixels.
    pixel_size : float
        Å/px.

    Returns
    -------
    Tensor or None
        ``(129,)`` gains at the frequencies from 0 to 1/2 cycle per px; ``None`` where no ring
        is seen, or could not be: pixels larger than about 1.4 Å, or less than 256 px a side.
    """
    frequencies = np.arange(EDGE // 2 + 1) / (EDGE * pixel_size)
    sides = [(frequencies > 1 / coarse) & (frequencies < 1 / fine) for coarse, fine in NOISE]
    sides[1] &= frequencies < 0.95 * frequencies[-1]
    if min(image.shape) < EDGE or min(side.sum() for side in sides) <= DEGREE:
        return None
    power, counts = _radial_power(image)
    above = _above_noise(frequencies, power, counts, sides[0] | sides[1])
    inside = (frequencies > 1 / RING[0]) & (frequencies < 1 / RING[1])
    above, counts = neighbours_averaged(np.where(inside, above, 0), counts, REACH)
    above[above < np.maximum(LEAST, SURE / np.sqrt(counts / 2))] = 0
    found = above / (above + 1 + CAUTION)
    return torch.from_numpy(found).to(image) if found.any() else None


def restored(signal: Tensor, raw: Tensor, grey: Normalization, response: Tensor) -> Tensor:
    """Return the signal with the grain of ice that was removed from it.

    Parameters
    ----------
    signal : Tensor
        ``(h, w)`` denoised, z-scored.
    raw : Tensor
        ``(h, w)`` before denoising, in its own grey scale.
    grey : Normalization
        That grey scale.
    response : Tensor
        From `gains`.

    Returns
    -------
    Tensor
        ``(h, w)``. Bands of rows are filtered one after the other, to save memory.
    """
    result = torch.empty_like(signal)
    height = len(signal)
    for top in range(0, height, ROWS):
        bottom = min(top + ROWS, height)
        rows = mirrored(height, top - MARGIN, bottom + MARGIN).to(signal.device)
        removed = grey.apply(raw[rows])
        removed -= signal[rows]
        grain = _filtered(removed, response)
        torch.add(signal[top:bottom], grain[MARGIN : MARGIN + bottom - top], out=result[top:bottom])
    return result


def _filtered(image: Tensor, response: Tensor) -> Tensor:
    """Return the image with each frequency multiplied by its gain; mirrored at all borders."""
    height, width = image.shape
    tall, wide = (_quick(side + 2 * MARGIN) for side in image.shape)
    border = (MARGIN, wide - width - MARGIN, MARGIN, tall - height - MARGIN)
    spectrum = torch.fft.rfft2(functional.pad(image[None], border, mode="reflect")[0])
    rows = torch.fft.fftfreq(tall, device=image.device)[:, None]
    columns = torch.fft.rfftfreq(wide, device=image.device)[None]
    ring = (torch.hypot(rows, columns) * EDGE).clamp_(max=EDGE // 2 - 1e-3)
    below = ring.long()
    spectrum *= torch.lerp(response[below], response[below + 1], ring - below)
    filtered: Tensor = torch.fft.irfft2(spectrum, s=(tall, wide))
    return filtered[MARGIN : MARGIN + height, MARGIN : MARGIN + width]


def _radial_power(image: Tensor) -> tuple[Array, Array]:
    """Return the mean power in each ring of blocks spread over the image, and the coefficients in it."""
    tops, lefts = (
        np.linspace(0, side - EDGE, max(1, min(ACROSS, 2 * side // EDGE - 1))).astype(int)
        for side in image.shape
    )
    blocks = torch.stack([image[top : top + EDGE, left : left + EDGE] for top, left in product(tops, lefts)])
    window = torch.hann_window(EDGE, device=image.device)
    window = window[:, None] * window / window.square().mean()
    spectrum = torch.fft.rfft2((blocks - blocks.mean((1, 2), keepdim=True)) * window, norm="ortho")
    power = spectrum.abs().square_().mean(0).double().cpu().numpy()
    ring = np.rint(np.hypot(np.fft.fftfreq(EDGE)[:, None], np.fft.rfftfreq(EDGE)) * EDGE).astype(np.intp)
    counts, sums = (np.bincount(ring.ravel(), each)[: EDGE // 2 + 1] for each in (None, power.ravel()))
    return np.asarray(sums / counts, np.float64), np.asarray(2.0 * counts * len(blocks), np.float64)


def _above_noise(frequencies: Array, power: Array, counts: Array, noise: np.ndarray) -> Array:
    """Return the power above the noise, over the noise, which is smooth on a logarithmic scale."""
    fit = np.polynomial.Polynomial.fit(
        frequencies[noise], np.log(power[noise]), DEGREE, w=np.sqrt(counts[noise])
    )
    return np.asarray(power / np.exp(fit(frequencies)) - 1)


def _quick(length: int) -> int:
    """Return the next length that is a product of 2, 3, 5 and 7, which is quick to transform."""
    left = length
    for factor in (2, 3, 5, 7):
        while left % factor == 0:
            left //= factor
    return length if left == 1 else _quick(length + 1)
