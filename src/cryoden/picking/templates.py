"""A picker that looks for what class averages show, turned in all directions.

Source: Roseman (2003, Ultramicroscopy 94, 225): correlation normalized below a mask, by Fourier transforms,
as in FindEM, RELION and cryoSPARC. No CTF is applied to the averages.

Averages are read, or made of what a first round of picking has found: windows are sorted into classes and
turned by turns, as in multi-reference alignment (van Heel & Frank 1981, Ultramicroscopy 6, 187). Of noise
that was picked for its likeness to a blob such an average shows a blob, and several learn it by heart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from cryoden.formats.micrographs import opened, probe
from cryoden.io.mrc_probe import HeaderFacts
from cryoden.io.mrc_sections import one_image
from cryoden.io.mrc_windows import finite_window
from cryoden.micrograph import Array, Pixels
from cryoden.picking.maxima import standardized
from cryoden.picking.picks import PicksError
from cryoden.picking.working_image import WorkingImage

MASK = 0.6  # its radius in diameters: what is around a particle belongs to how it looks
TURNS = 24
MOST = 100  # averages of a file
ROUNDS = 8  # of sorting and turning
WINDOWS = 1000  # that are averaged, at most
EACH = 20  # windows to a class, at least
SEED = 3


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
    images = _images(facts) if size and height == width and count <= MOST else []
    if not images or size is None:
        found = f"{count:,} images of {height:,} × {width:,} px of {size or 'unknown'} Å"
        problem = f"{found} are no class averages (expected up to {MOST} square ones of a known pixel size)"
        raise PicksError("K07", path, problem, fix="Give the .mrcs of selected class averages")
    return Templates(_bright(np.stack(images)), size)


def _images(facts: HeaderFacts) -> list[Pixels]:
    """Return the images of a stack but those without contrast, which stand for empty classes."""
    files = [opened(one_image(facts, section)) for section in range(facts.nz)]
    found = [finite_window(file, 0, 0, *file.shape) for file in files]
    return [image for image in found if np.ptp(image) > 0]


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
    least = np.median(variance[image.usable | ~image.usable.any()])  # of a flat place little is made
    spread = np.sqrt(np.maximum(variance, least))
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


def class_averages(images: Sequence[tuple[WorkingImage, Array]], classes: int) -> Templates | None:
    """Average windows around places that were picked.

    Parameters
    ----------
    images : sequence of (WorkingImage, ndarray)
        Dark particles, all of one working pixel size, and ``(n, 2)`` places in working pixels, the
        clearest first.
    classes : int
        How many averages at most.

    Returns
    -------
    Templates or None
        ``None`` where too few were picked.
    """
    edge = 2 * int(np.ceil(MASK * images[0][0].diameter)) + 3
    share = max(EACH, WINDOWS // len(images))
    windows = np.concatenate([_windows(image, places[:share], edge) for image, places in images])
    count = min(classes, len(windows) // EACH)
    if not count:
        return None
    mask = disc(edge, MASK * images[0][0].diameter)
    directions = np.stack([_scored(np.stack(turned(one[None], TURNS)), mask) for one in windows])
    averages = directions[:, 0].mean(axis=0)[None]  # one class: turned by chance, a round one
    numbers = np.random.default_rng(SEED)
    if count > 1:
        first = np.array_split(numbers.permutation(len(windows)), count)
        averages = np.stack([directions[group, 0].mean(axis=0) for group in first])
    for _ in range(ROUNDS):
        averages = _once_more(directions, averages)
    return Templates(averages, images[0][0].pixel_size)


def _once_more(directions: Pixels, averages: Pixels) -> Pixels:
    """Return averages of the windows that are most like each, in their best direction."""
    flat = directions.reshape(*directions.shape[:2], -1)
    references = averages.reshape(len(averages), -1)
    references = references / np.maximum(np.linalg.norm(references, axis=1, keepdims=True), 1e-9)
    likeness = flat @ references.T  # (windows, directions, classes)
    turn = likeness.argmax(axis=1)
    kind = likeness.max(axis=1).argmax(axis=1)
    made = averages.copy()
    for one in np.unique(kind):
        members: NDArray[np.intp] = np.flatnonzero(kind == one)
        made[one] = directions[members, turn[members, one]].mean(axis=0)
    return made


def _windows(image: WorkingImage, places: Array, edge: int) -> Pixels:
    """Return ``(n, edge, edge)`` windows with bright particles in their middle."""
    offsets = np.arange(edge) - edge // 2
    rows, columns = (places[:, axis, None] + offsets for axis in (0, 1))
    at = np.stack(np.broadcast_arrays(rows[:, :, None], columns[:, None, :]))
    return np.asarray(-ndimage.map_coordinates(image.pixels, at, order=1, mode="reflect"), np.float32)


def _scored(images: Pixels, mask: Pixels) -> Pixels:
    """Return images of mean 0 below a mask, and nothing beside it; a window weighs as much as another."""
    about = (images - (images * mask).sum(axis=(-2, -1), keepdims=True) / mask.sum()) * mask
    norm = np.sqrt((about**2).sum(axis=(-2, -1), keepdims=True))
    return np.asarray(about / np.maximum(norm, 1e-9), np.float32)
