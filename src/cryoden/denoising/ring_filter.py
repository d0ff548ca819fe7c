"""Filters that multiply each ring of spatial frequency by a gain, on the device."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

from cryoden.image.tiling import mirrored
from cryoden.kernels.tried_passes import passes_for
from cryoden.micrograph import Array

MARGIN = 128  # px an image is mirrored by


def summed(images: Sequence[Tensor], responses: Sequence[Array | Tensor]) -> Tensor:
    """Return the sum of ``(h, w)`` images, each multiplied by its gains, mirrored at the borders.

    Parameters
    ----------
    images : sequence of Tensor
        All of one shape.
    responses : sequence of ndarray or Tensor
        ``(n,)`` gains of each, see `transfer`.
    """
    (first, response), *others = zip(images, responses, strict=True)
    total, shape = _filtered(first, response)
    for image, response in others:
        total, _ = _filtered(image, response, total)
    return _image(total, *shape, first.shape)


def _filtered(
    image: Tensor, response: Array | Tensor, added: Tensor | None = None
) -> tuple[Tensor, tuple[int, int]]:
    waves, tall, wide = _waves(image)
    return RingFilter(tall, wide, torch.as_tensor(response).to(image))(waves, added), (tall, wide)


class RingFilter:
    """Gains of rings, for images of one shape.

    Parameters
    ----------
    tall, wide : int
        Of the images, px.
    response : Tensor
        ``(n,)``, see `transfer`.
    """

    def __init__(self, tall: int, wide: int, response: Tensor) -> None:
        self._shape, self._response = (tall, wide), response

    @cached_property
    def _gains(self) -> Tensor:
        return transfer(*self._shape, self._response)

    def __call__(self, waves: Tensor, added: Tensor | None = None) -> Tensor:
        """Return an image's real Fourier transform, which may be changed, filtered; another is added."""
        if (own := passes_for(waves)) is not None:
            return own.filtered(waves, self._shape[1], self._response, added)
        waves = waves * self._gains
        return waves if added is None else waves.add_(added)


def oriented(image: Tensor, response: Array) -> Tensor:
    """Return a filtered image, and its waves shifted by a quarter of their length along rows and columns.

    The monogenic signal (Felsberg & Sommer 2001, IEEE Trans. Signal Process. 49, 3136): of a wave of any
    direction the three squares add up to the same everywhere, at its crests and between them.

    Parameters
    ----------
    image : Tensor
        ``(h, w)``.
    response : ndarray
        ``(n,)`` gains, see `transfer`.

    Returns
    -------
    Tensor
        ``(3, h, w)``.
    """
    waves, tall, wide = _waves(image)
    waves *= transfer(tall, wide, torch.from_numpy(response).to(image))
    down = torch.fft.fftfreq(tall, device=image.device)[:, None]
    across = torch.fft.rfftfreq(wide, device=image.device)[None]
    turned = -1j * waves / torch.hypot(down, across).clamp_(min=1 / max(tall, wide))
    return torch.stack(
        [_image(each, tall, wide, image.shape) for each in (waves, turned * down, turned * across)]
    )


def _waves(image: Tensor) -> tuple[Tensor, int, int]:
    """Return the Fourier transform of an image that is mirrored at its borders, and the sides of that."""
    tall, wide = (quick(side + 2 * MARGIN) for side in image.shape)
    rows, columns = (
        mirrored(side, -MARGIN, long - MARGIN, image.device)
        for side, long in zip(image.shape, (tall, wide), strict=True)
    )
    return torch.fft.rfft2(image[rows][:, columns]), tall, wide


def _image(waves: Tensor, tall: int, wide: int, shape: torch.Size) -> Tensor:
    whole: Tensor = torch.fft.irfft2(waves, s=(tall, wide))
    return whole[MARGIN : MARGIN + shape[0], MARGIN : MARGIN + shape[1]]


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
