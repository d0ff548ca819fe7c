"""Filters that multiply each ring of spatial frequency by a gain, on the device."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from cryoden.image.tiling import mirrored
from cryoden.micrograph import Array

MARGIN = 128  # px an image is mirrored by


def summed(images: Sequence[Tensor], responses: Sequence[Array]) -> Tensor:
    """Return the sum of ``(h, w)`` images, each multiplied by its gains, mirrored at the borders.

    Parameters
    ----------
    images : sequence of Tensor
        All of one shape.
    responses : sequence of ndarray
        ``(n,)`` gains of each, see `transfer`.
    """
    height, width = images[0].shape
    tall, wide = quick(height + 2 * MARGIN), quick(width + 2 * MARGIN)
    rows, columns = (
        mirrored(side, -MARGIN, long - MARGIN).to(images[0].device)
        for side, long in ((height, tall), (width, wide))
    )
    total = torch.zeros((), device=images[0].device)
    for image, response in zip(images, responses, strict=True):
        waves = torch.fft.rfft2(image[rows][:, columns])
        total = total + waves * transfer(tall, wide, torch.from_numpy(response).to(image))
    whole: Tensor = torch.fft.irfft2(total, s=(tall, wide))
    return whole[MARGIN : MARGIN + height, MARGIN : MARGIN + width]


def transfer(tall: int, wide: int, response: Tensor) -> Tensor:
    """Return the gain of each coefficient of an image's real Fourier transform.

    Parameters
    ----------
    tall, wide : int
        Sides of the image, px.
    response : Tensor
        ``(n,)`` gains at frequencies spread evenly from 0 to 1/2 cycle per px; the last one holds beyond.

    Returns
    -------
    Tensor
        ``(tall, wide // 2 + 1)``.
    """
    last = len(response) - 1
    rows = torch.fft.fftfreq(tall, device=response.device)[:, None]
    columns = torch.fft.rfftfreq(wide, device=response.device)[None]
    ring = (torch.hypot(rows, columns) * 2 * last).clamp_(max=last - 1e-3)
    below = ring.long()
    return torch.lerp(response[below], response[below + 1], ring - below)


def quick(length: int) -> int:
    """Return the next length that is a product of 2, 3, 5 and 7, which is quick to transform."""
    left = length
    for factor in (2, 3, 5, 7):
        while left % factor == 0:
            left //= factor
    return length if left == 1 else quick(length + 1)
