"""Filters that multiply each ring of spatial frequency by a gain, on the device."""

from __future__ import annotations

import torch
from torch import Tensor


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
