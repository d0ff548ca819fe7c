"""The pictures of a report: the center of one half as each method leaves it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cryoden.evaluation import hallucination
from cryoden.evaluation.exposures import Exposure
from cryoden.evaluation.half_metrics import middle
from cryoden.evaluation.methods import Method
from cryoden.evaluation.scoring import Halves
from cryoden.micrograph import Pixels
from cryoden.reporting.thumbnails import Picture, binned, matched, shown

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
    apart = hallucination.disagreement(even, odd, exposure.pixel_size)
    yield Picture(method.name, "disagreement", shown(_enlarged(apart.map), 0, DIFFERENT), span, "heat")


def _enlarged(small: Pixels) -> Pixels:
    """Return a map with each point as a square, so that it is as large as the pictures beside it."""
    return np.asarray(np.kron(small, np.ones((hallucination.BIN, hallucination.BIN), np.float32)), np.float32)
