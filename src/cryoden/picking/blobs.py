"""A picker that needs no training: blobs as wide as a particle, by the Laplacian of a Gaussian.

Source: Lindeberg (1998, Int. J. Comput. Vis. 30, 79) for the scale of a blob; RELION's autopicking by LoG
(Zivanov et al. 2018, eLife 7, e42166) and Topaz's difference of Gaussians do the same.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage

from cryoden.micrograph import Pixels
from cryoden.picking.maxima import standardized
from cryoden.picking.working_image import WorkingImage

WIDTHS = (0.8, 1.0)  # of a particle's diameter: projections fall off before their edge
STEP = 1.25  # from one scale to the next, where particles differ in size
# Of a response: micrographs are dark where matter is, and close packings have bright gaps of up to this.
SKEW = 0.2


def blob_response(image: WorkingImage, largest: float) -> Pixels:
    """Return how much each place looks like the center of a dark blob.

    Parameters
    ----------
    image : WorkingImage
        What is looked at.
    largest : float
        Diameter of the largest particle over that of the smallest.

    Returns
    -------
    ndarray
        ``(h', w')``, in standard deviations of the response at most places; the best scale at each.
    """
    steps = math.ceil(math.log(max(1.0, largest)) / math.log(STEP))
    sizes = [*WIDTHS, *(WIDTHS[-1] * largest ** (k / steps) for k in range(1, steps + 1))]
    best: Pixels = np.maximum.reduce([_one_scale(image, image.diameter * size) for size in sizes])
    return best


def is_bright(image: WorkingImage) -> bool:
    """Tell whether bright blobs clearly stand out, not dark ones: theirs is the longer tail of a response."""
    response = _one_scale(image, image.diameter * WIDTHS[0])
    return skewness(response[image.usable]) < -SKEW


def skewness(values: Pixels) -> float:
    """Return the mean cube of standardized values; 0 for those without contrast."""
    about = values - values.mean(dtype=np.float64)
    spread = float(about.std())
    return float((about**3).mean() / spread**3) if len(values) and spread else 0.0


def _one_scale(image: WorkingImage, diameter: float) -> Pixels:
    """Return the response to discs of a diameter: of all Gaussians that of diameter / 8^0.5 answers most."""
    response = ndimage.gaussian_laplace(image.pixels, diameter / 8**0.5, mode="reflect")
    return standardized(np.asarray(response, np.float32), image.usable)
