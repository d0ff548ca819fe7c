"""Where a micrograph has no picture: borders, corners and stripes that were filled with one value.

Masked detectors, gaps, and the edges of aligned frames are exactly constant, which no noise is. They
say nothing of a micrograph's gray scale.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from cryoden.micrograph import Pixels

EDGE = 16  # px of a square that is looked at; smaller ones are defects
LINE = 32  # px of a row or column that can be called constant
NEAR = 2  # squares around a constant one, where it may end
FILLS = 4  # different values at most
COMMON = 0.75  # share of sparse counts, of which a square can have one value by chance
MOVES = (0, 0.5, 0.25, 0.75, 0.125, 0.375)  # of a side; where another part may be taken from
FLAT = 0.01  # standard deviations between the least and the largest of 256 px, which noise cannot have
MOST = 0.98  # of the image; beyond it there is no picture at all

Extremes = tuple[Tensor, Tensor]


def blank(images: Tensor) -> Tensor | None:
    """Return where parts ``(n, h, w)`` of a micrograph were filled with a constant.

    Returns
    -------
    Tensor or None
        A mask of their shape; ``None`` where nothing was filled, or as good as everything.
    """
    if not bool(suspect(images)):
        return None
    mask = torch.stack([_of_one(image) for image in images])
    found = int(mask.sum())
    return mask if 0 < found <= MOST * mask.numel() else None


def suspect(images: Tensor) -> Tensor:
    """Return, as a tensor, whether any line or square of ``(n, h, w)`` images is constant, as few are.

    Without any, nothing is blank.
    """
    least, most = bands = _of_bands(images)
    extremes = [_of_squares(bands)]
    if images.shape[1] >= LINE:
        rest = images[:, least.shape[1] * EDGE :]  # rows that are less than a square
        extremes.append((torch.cat([least, rest], 1).amin(1), torch.cat([most, rest], 1).amax(1)))
    if images.shape[2] >= LINE:
        extremes.append((images.amin(2), images.amax(2)))
    return torch.stack([(least == most).any() for least, most in extremes]).any()


def blank_share(scored: Pixels) -> float:
    """Return the share of an ``(h, w)`` z-scored patch that is as good as constant, in whole squares."""
    down, across = (side // EDGE for side in scored.shape)
    if not down * across:
        return 0.0
    rows = scored[: down * EDGE, : across * EDGE].reshape(down, EDGE, across * EDGE)
    most, least = (side.reshape(down, across, EDGE) for side in (rows.max(1), rows.min(1)))
    return float((most.max(2) - least.min(2) < FLAT).mean())


def filled(image: Tensor, mask: Tensor) -> Tensor:
    """Return an ``(h, w)`` image whose blank pixels show what other parts of it show.

    A network takes what is smooth for a picture without noise, and leaves more noise in far around it.
    """
    result, left = image.clone(), mask.clone()
    for down, across in product(MOVES, MOVES):
        moves = round(down * image.shape[0]), round(across * image.shape[1])
        usable = left & ~mask.roll(moves, (0, 1))
        result = torch.where(usable, image.roll(moves, (0, 1)), result)
        left &= ~usable
    return result.masked_fill(left, 0)


def _of_one(image: Tensor) -> Tensor:
    lines = _lines(image)
    mask, elsewhere = lines.clone(), ~lines
    for value, near, others in _squares(image):
        mask |= (image == value) & near
        elsewhere &= others
    rest = image[elsewhere]
    if rest.numel() == 0:
        return mask
    common = rest.median()  # of sparse counts it is 0, and squares of it are no fill
    return mask & (image != common) if (rest == common).float().mean() > COMMON else mask


def _lines(image: Tensor) -> Tensor:
    """Return the rows and columns of one value."""
    mask = torch.zeros_like(image, dtype=torch.bool)
    for axis in (0, 1):
        if image.shape[axis] >= LINE:
            mask |= image.amax(axis, keepdim=True) == image.amin(axis, keepdim=True)
    return mask


def _squares(image: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield the values of constant squares, where those and their neighbors are, and where no square is."""
    low, high = (each[0] for each in _of_squares(_of_bands(image[None])))
    if low.numel() == 0:
        return
    constant = low == high
    values, counts = torch.unique(low[constant], return_counts=True)
    for value in values[counts.argsort(descending=True)][:FILLS]:
        of_value = (constant & (low == value)).float()
        near = max_pool2d(of_value[None, None], 2 * NEAR + 1, 1, NEAR)[0, 0] > 0
        yield value, _pixels(near, image), _pixels(~constant, image)


def _of_bands(images: Tensor) -> Extremes:
    """Return ``(n, h // 16, w)`` least and largest values of bands of rows as high as a square."""
    height = images.shape[1] // EDGE
    rows = images[:, : height * EDGE].unflatten(1, (height, EDGE))  # type: ignore[no-untyped-call]  # torch's
    return rows.amin(2), rows.amax(2)


def _of_squares(bands: Extremes) -> Extremes:
    """Return the least and the largest value of each whole square."""
    width = bands[0].shape[2] // EDGE
    least, most = (
        each[..., : width * EDGE].unflatten(2, (width, EDGE))  # type: ignore[no-untyped-call]  # torch's
        for each in bands
    )
    return least.amin(3), most.amax(3)


def _pixels(squares: Tensor, image: Tensor) -> Tensor:
    """Return a mask of squares as one of the image's pixels; an incomplete square is as the one before it."""
    down, across = (
        (torch.arange(side, device=image.device) // EDGE).clamp(max=number - 1)
        for side, number in zip(image.shape, squares.shape, strict=True)
    )
    return squares[down][:, across]
