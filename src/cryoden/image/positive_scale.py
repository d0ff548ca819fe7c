"""The gray scale of the baseline experiment: a micrograph's bright pixels are 1, nothing is 0."""

from __future__ import annotations

import numpy as np

from cryoden.micrograph import Pixels

PERCENTILE = 95


def positive_divisor(pixels: Pixels) -> float:
    """Return the 95th percentile of the positive pixels of a whole micrograph; 0 where there are none.

    Of all pixels, not of a sample: patches that were written to disk and the models trained on them
    have this scale.
    """
    positive = pixels[pixels > 0]
    return float(np.percentile(positive, PERCENTILE, overwrite_input=True)) if positive.size else 0.0
