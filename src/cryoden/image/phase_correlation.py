"""Where the scene of one image lies on that of another, whatever their gray scales and noise.

Each frequency of the cross-spectrum is scaled to weight 1 and transformed back: a peak stands where
one scene lies on the other (phase correlation, Kuglin & Hines 1975), and the rest of the map says
how high chance reaches.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cryoden.micrograph import Pixels

LEAST_PERIODS = 2.5  # slower waves across the images are ice and illumination
Image = TypeVar("Image", Pixels, NDArray[np.float64])


def phase_correlation(one: Image, other: Image, finest: float) -> Image:
    """Return the agreement of two images of mean 0 for each shift of the first.

    Parameters
    ----------
    one, other : ndarray
        ``(h, w)`` of one shape and number format.
    finest : float
        Frequency in cycles per px from which on nothing counts.

    Returns
    -------
    ndarray
        ``(h, w)`` in no unit; no shift is at ``[0, 0]``, and shifts up and left are at the far ends.
    """
    rows, columns = one.shape
    taper = np.outer(np.hanning(rows + 2)[1:-1], np.hanning(columns + 2)[1:-1]).astype(one.dtype)
    cross = np.fft.rfft2(one * taper) * np.fft.rfft2(other * taper).conj()
    frequency = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(columns))
    used = (frequency < finest) & (frequency > LEAST_PERIODS / min(one.shape))
    phases = np.where(used, cross / np.maximum(np.abs(cross), np.finfo(one.dtype).tiny), 0)
    return np.asarray(np.fft.irfft2(phases, s=one.shape), one.dtype)
