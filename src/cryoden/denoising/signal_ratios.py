"""How far the power of a micrograph stands above its noise, band by band."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from torch import Tensor

from cryoden.denoising import ring_covariances
from cryoden.denoising.ring_covariances import RingCovariances
from cryoden.denoising.ring_gains import LEAST, Floor
from cryoden.micrograph import Array
from cryoden.model.conditioning import BANDS, unknown

FAINTEST, STRONGEST = 0.003, 300.0  # of the noise; fainter is lost in the noise's own uncertainty
RECORDED = 1e-4  # of the pixels' variance; where there is less noise, nothing was recorded


def ratios(working: Tensor, noise: Floor | None, pixel_size: float, weight: Tensor | None = None) -> Array:
    """Return what `cryoden.model.conditioning` shall know of a micrograph.

    Parameters
    ----------
    working : Tensor
        ``(h, w)`` pixels as the network sees them.
    noise : callable or None
        From frequencies in cycles per px to the noise's power, `cryoden.denoising.ring_gains.floor`.
    pixel_size : float
        Å of a working pixel.
    weight : Tensor or None
        ``(h, w)``, from `cryoden.denoising.ring_covariances.usual`, where it is known already.

    Returns
    -------
    ndarray
        ``(len(BANDS),)``: decimal logarithms of signal over noise from coarse to fine, and one more, 1; zeros
        where the noise is not known. A band that a small micrograph has no wave of is as its neighbors are.
    """
    if noise is None or min(working.shape) < LEAST:
        return unknown()
    weight = ring_covariances.usual(working) if weight is None else weight
    return above(ring_covariances.measured(working[None, None], weight), noise, pixel_size)


def above(seen: RingCovariances, noise: Floor, pixel_size: float) -> Array:
    """Return what `ratios` does from the covariances of the working pixels."""
    length, weight = pixel_size / seen.frequencies, seen.frequencies
    floor = noise(seen.frequencies)
    found = []
    for coarse, fine in pairwise(BANDS):
        inside = (length <= coarse) & (length > fine)
        band = inside & (floor > RECORDED)
        total = float((floor * weight)[band].sum())
        excess = float((seen.power[0, 0] * weight)[band].sum()) / total - 1 if total else 0.0
        found.append(excess if inside.any() or fine < 2 * pixel_size else np.nan)
    return _filled(np.log10(np.clip(found, FAINTEST, STRONGEST)) + 1)


def _filled(numbers: Array) -> Array:
    """Return the numbers of all bands, those that are missing from their neighbors', and one more, 1."""
    places, known = np.arange(len(numbers)), np.isfinite(numbers)
    if not known.any():
        return unknown()
    return np.append(np.interp(places, places[known], numbers[known]), 1.0)
