"""A micrograph as a picker sees it: small, without its gray scale, and without what is no picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from cryoden.image.blank_regions import blank, filled
from cryoden.image.normalization import CLIP, measured
from cryoden.image.resampling import Resampling
from cryoden.micrograph import Array, Micrograph, Pixels

ACROSS = 16  # working pixels along a particle's diameter
FEW = 1e-4  # share of pixels beyond the clip that are defects; more of them are the picture


@dataclass(frozen=True, eq=False)
class WorkingImage:
    """A reduced micrograph.

    Parameters
    ----------
    pixels : ndarray
        ``(h', w')`` float32, mean 0.
    scale : ndarray
        ``(2,)`` micrograph pixels to a working pixel, down and across.
    usable : ndarray
        ``(h', w')``; where a particle's center can be, as all of it is in the picture.
    diameter : float
        Of the smallest particle, in working pixels.
    pixel_size : float
        Å of a working pixel.
    """

    pixels: Pixels
    scale: Array
    usable: NDArray[np.bool_]
    diameter: float
    pixel_size: float

    def places(self, working: Array) -> Array:
        """Return ``(n, 2)`` places in micrograph pixels of those in working pixels."""
        return (working + 0.5) * self.scale - 0.5

    def working(self, places: Array) -> Array:
        """Return ``(n, 2)`` places in working pixels of those in micrograph pixels."""
        return (places + 0.5) / self.scale - 0.5


def working_image(micrograph: Micrograph, diameter: float, pixel_size: float) -> WorkingImage:
    """Return what a picker of particles of a diameter looks at; both are in Å.

    Raises
    ------
    MicrographError
        ``F25`` for a micrograph without contrast.
    """
    with torch.inference_mode():
        image = torch.from_numpy(np.array(micrograph.data, np.float32))
        mask = blank(image[None])
        mask = None if mask is None else mask[0]
        gray = measured(image if mask is None else image[~mask], micrograph.path or micrograph.name)
        scored = (image - gray.mean) / gray.std
        if (scored.abs() > CLIP).float().mean() < FEW:
            scored = scored.clip(-CLIP, CLIP)
        scored = scored if mask is None else filled(scored, mask)
        resampling = Resampling(*micrograph.shape, max(1.0, diameter / pixel_size / ACROSS))
        reduced = resampling.reduce(scored).numpy()
        empty = None if mask is None else resampling.reduce(mask.float()).numpy() > 0.5
    scale = np.array(micrograph.shape) / np.array(reduced.shape)
    size = pixel_size * float(scale.mean())
    usable = _usable(reduced.shape, empty, diameter / size / 2)
    return WorkingImage(reduced - reduced.mean(), scale, usable, diameter / size, size)


def _usable(shape: tuple[int, ...], empty: NDArray[np.bool_] | None, radius: float) -> NDArray[np.bool_]:
    """Return what is at least a radius away from the border and from what is empty."""
    inside = np.zeros(shape, bool) if empty is None else empty
    inside = np.pad(~inside, 1)
    return np.asarray(ndimage.distance_transform_edt(inside)[1:-1, 1:-1] >= radius)
