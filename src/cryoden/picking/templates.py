"""A picker that looks for what class averages show, turned in all directions.

Source: Roseman (2003, Ultramicroscopy 94, 225): correlation normalized below a mask, by Fourier transforms,
as in FindEM, RELION and cryoSPARC. No CTF is applied to the averages.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import fft, ndimage

from cryoden.io.mrc_probe import probe
from cryoden.io.mrc_sections import one_image
from cryoden.io.mrc_windows import MicrographFile
from cryoden.micrograph import Array, Pixels
from cryoden.picking.maxima import standardized
from cryoden.picking.picks import PicksError
from cryoden.picking.working_image import WorkingImage

MASK = 0.6  # its radius in diameters: what is around a particle belongs to how it looks
TURNS = 24
MOST = 100  # averages of a file


@dataclass(frozen=True, eq=False)
class Templates:
    """What particles look like.

    Parameters
    ----------
    averages : ndarray
        ``(k, b, b)``; particles are bright.
    pixel_size : float
        Å/px.
    """

    averages: Pixels
    pixel_size: float


def read_templates(path: Path, pixel_size: float | None = None) -> Templates:
    """Read class averages, bright or dark, from a stack of images.

    Raises
    ------
    MicrographError
        For a file that cannot be read.
    PicksError
        ``K07`` for images that are not square, of unknown pixel size, or too many of them.
    """
    facts = probe(path)
    size = pixel_size or facts.pixel_size
    (height, width), count = facts.shape, facts.nz
    if size is None or height != width or count > MOST:
        found = f"{count:,} images of {height:,} × {width:,} px of {size or 'unknown'} Å"
        problem = f"{found} are no class averages (expected up to {MOST} square ones of a known pixel size)"
        raise PicksError("K07", path, problem, fix="Give the .mrcs of selected class averages")
    images = []
    for section in range(count):
        with MicrographFile(one_image(facts, section), None) as file:
            images.append(file.window(0, 0, height, width))
    return Templates(_bright(np.stack([image for image in images if np.ptp(image) > 0])), size)


def template_response(image: WorkingImage, templates: Templates) -> Pixels:
    """Return how much each place looks like the center of a dark particle that the templates show.

    Parameters
    ----------
    image : WorkingImage
        What is looked at.
    templates : Templates
        Averages.

    Returns
    -------
    ndarray
        ``(h', w')``: the largest correlation with any average in any direction, in standard deviations of
        that at most places.
    """
    edge = 2 * int(np.ceil(MASK * image.diameter)) + 3
    mask = disc(edge, MASK * image.diameter)
    shape = [fft.next_fast_len(side + edge, real=True) for side in image.pixels.shape]
    margin = [
        (edge // 2, side - size - edge // 2) for side, size in zip(shape, image.pixels.shape, strict=True)
    ]
    padded = -np.pad(image.pixels, margin, mode="symmetric")
    transformed = fft.rfft2(padded)

    def correlated(kernel: Pixels, spectrum: Array = transformed) -> Array:
        whole = fft.irfft2(spectrum * np.conj(fft.rfft2(kernel, shape)), shape)
        return np.asarray(whole[: image.pixels.shape[0], : image.pixels.shape[1]])

    count = float(mask.sum())
    mean = correlated(mask) / count
    variance = correlated(mask, fft.rfft2(padded**2)) / count - mean**2
    spread = np.sqrt(
        np.maximum(variance, np.median(variance[image.usable]))
    )  # of a flat place little is made
    best = np.full(image.pixels.shape, -1.0)
    for one in turned(resized(templates, image.pixel_size, edge), TURNS):
        shown = (one - (one * mask).sum() / count) * mask
        shown /= max(float(np.sqrt((shown**2).sum() / count)), 1e-9)
        np.maximum(best, correlated(shown) / (count * spread), out=best)
    return standardized(best.astype(np.float32), image.usable)


def disc(edge: int, radius: float) -> Pixels:
    """Return a disc in the middle of ``(edge, edge)`` pixels, of 1 in a ground of 0."""
    row, column = np.mgrid[:edge, :edge] - edge // 2
    return np.asarray(np.hypot(row, column) <= radius, np.float32)


def resized(templates: Templates, pixel_size: float, edge: int) -> Pixels:
    """Return ``(k, edge, edge)`` averages at a pixel size, their center on the middle pixel."""
    factor = pixel_size / templates.pixel_size
    middle = templates.averages.shape[-1] // 2
    smooth = ndimage.gaussian_filter(templates.averages, (0, *[0.4 * max(0.0, factor - 1)] * 2))
    steps = (np.arange(edge) - edge // 2) * factor + middle
    at = np.stack(np.meshgrid(steps, steps, indexing="ij"))
    return np.stack([ndimage.map_coordinates(one, at, order=1, mode="nearest") for one in smooth])


def turned(images: Pixels, turns: int) -> list[Pixels]:
    """Return ``(k, edge, edge)`` images in so many directions each."""
    return [
        ndimage.rotate(one, 360 * turn / turns, reshape=False, order=1, mode="nearest")
        for one in images
        for turn in range(turns)
    ]


def _bright(images: Pixels) -> Pixels:
    """Return averages with bright particles: what is in the middle differs from what is at the rim."""
    edge = images.shape[-1]
    inner = disc(edge, edge / 4) > 0
    outer = disc(edge, edge / 2) == 0
    contrast = images[:, inner].mean() - images[:, outer].mean()
    return images if contrast > 0 else -images
