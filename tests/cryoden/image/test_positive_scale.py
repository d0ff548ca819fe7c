from __future__ import annotations

import numpy as np

from cryoden.image.normalization import positive
from tests.cryoden.image.noise import noise


def test_the_positive_scale_is_that_of_all_pixels_of_a_large_micrograph() -> None:
    pixels = noise((2300, 2300)) - 50
    pixels[1000:1100] *= 100  # of these rows a sample would see fewer or more
    expected = float(np.percentile(pixels[pixels > 0], 95))
    gray = positive(pixels, "m")
    assert (gray.mean, gray.std, gray.limits) == (0.0, expected, (0.0, 1.0))
