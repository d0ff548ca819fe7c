"""The pictures of a report: the center of one half as each method leaves it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cryoden import trust
from cryoden.exposures import Exposure
from cryoden.measures import middle
from cryoden.methods import Method
from cryoden.micrograph import Pixels
from cryoden.pictures import Picture, binned, matched, shown
from cryoden.scoring import Halves

DIFFERENT = 1.0  # the denoised halves have nothing in common


def snapshots(method: Method, exposure: Exposure, denoised: Halves) -> Iterator[Picture]:
    """Yield what a method makes of the even half, what it took away, and where its halves differ."""
    even, odd = (middle(half) for half in denoised)
    span = even.shape[1] * exposure.pixel_size
    yield Picture(method.name, "image", matched(even), span)
    if method.kind not in {"model", "other"}:
        return
    removed = binned(middle(exposure.even) - even)
    reach = 3 * float(removed.std()) or 1.0
    centered = removed - np.float32(removed.mean())
    yield Picture(method.name, "difference", shown(centered, -reach, reach), span, "diverging")
    apart = trust.disagreement(even, odd, exposure.pixel_size)
    yield Picture(method.name, "disagreement", shown(_enlarged(apart.map), 0, DIFFERENT), span, "heat")


def _enlarged(small: Pixels) -> Pixels:
    """Return a map with each point as a square, so that it is as large as the pictures beside it."""
    return np.asarray(np.kron(small, np.ones((trust.BIN, trust.BIN), np.float32)), np.float32)
