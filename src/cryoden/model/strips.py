"""A U-Net computed block by block in strips of rows, on processors.

The result is that of the whole image at once. What a block makes on its way stays small enough for a
processor's cache, and of the finest level, which is most of the memory, only what is asked of it twice is
kept: a large image needs no tiles, whose halos would cost as much as the image.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from cryoden.image.tiling import within
from cryoden.model.networks import UNet

ROWS = 64  # of the finest image, at a time
HALO = 6  # rows at each side, even: two convolutions up, and two down with the last layer, see five
BEYOND = HALO // 2  # coarse px of a margin that are kept

Block = Callable[..., Tensor]


def steps(network: UNet) -> int:
    """Return in how many parts `striped` does its work; it yields between them."""
    return len(network.down) + len(network.up)


def bytes_per_pixel(network: UNet) -> int:
    """Return the memory `striped` takes, float32; measured."""
    coarser = cast("nn.Conv2d", next(network.down[1].children()))
    return 40 + 5 * coarser.out_channels // 2


def striped(network: UNet, noisy: Tensor, margin: int = 0) -> Generator[None, None, Tensor]:
    """Yield between blocks, and return the network's output for ``(1, 1, h, w)`` pixels but a margin.

    Of the margin, a multiple of the network's stride, most is seen on the way down alone: on the way up
    it is left out as soon as nothing within depends on it any more. No context is held over a yield:
    inference mode and number format are the caller's, at each step.
    """
    inner = noisy.shape[3] - 2 * margin
    first, *down = network.down
    *up, finest = network.up
    scales, bands = network.linear.scales, network.linear.scales(noisy)

    def seen(image: Tensor, parts: Tensor) -> Tensor:
        features: Tensor = first(torch.cat([image, scales.whitened(parts)], dim=1))
        return features

    def last(coarse: Tensor, image: Tensor, parts: Tensor) -> Tensor:
        added: Tensor = network.last(finest(coarse, seen(image, parts)))
        return network.linear.weighted(parts) + added

    skips = list[Tensor]()
    features = _in_strips(lambda *both: functional.avg_pool2d(seen(*both), 2), noisy, bands)
    yield
    for block in down:
        features = functional.avg_pool2d(skips[-1], 2) if skips else features
        skips.append(_in_strips(block, features))
        yield
    features = skips.pop()
    for level, block in zip(range(len(up), 0, -1), up, strict=True):
        features, skip = _narrowed(inner >> level, features, skips.pop())
        features = _in_strips(block, features, skip, in_place=True)
        yield
    features, noisy, bands = _narrowed(inner, features, noisy, bands)
    output = _in_strips(last, features, noisy, bands)
    return _middle(output, inner, 0)


def _narrowed(inner: int, coarse: Tensor, *fine: Tensor) -> Sequence[Tensor]:
    """Return coarse and finer images without what is too far from their middle, ``inner`` fine px wide."""
    beyond = min(BEYOND, (coarse.shape[3] - inner // 2) // 2)
    return _middle(coarse, inner // 2, beyond), *(_middle(image, inner, 2 * beyond) for image in fine)


def _middle(image: Tensor, inner: int, beyond: int) -> Tensor:
    """Return an image without its margin, but for some px."""
    return within(image, (image.shape[3] - inner) // 2 - beyond)


def _in_strips(block: Block, *images: Tensor, in_place: bool = False) -> Tensor:
    """Return what a block makes of images, whose rows are in whole ratios to those of the last.

    It may be put in the place of the last, whose memory it takes.
    """
    *others, finest = images
    height = finest.shape[2]
    result = finest if in_place else torch.empty(0)
    above = finest[:, :, :0]  # rows that were there before their place was taken
    for top in range(0, height, ROWS):
        begin, end = max(0, top - HALO), min(height, top + ROWS + HALO)
        coarse = (_rows(image, begin, end, height) for image in others)
        fine = torch.cat([above, finest[:, :, top:end]], dim=2) if in_place else finest[:, :, begin:end]
        above = fine[:, :, top + ROWS - HALO - begin : top + ROWS - begin]
        part = block(*coarse, fine)
        if not result.numel():
            result = _empty(part, height * part.shape[2] // (end - begin))
        _rows(result, top, top + ROWS, height)[:] = _rows(part, top - begin, top - begin + ROWS, end - begin)
    return result


def _rows(image: Tensor, begin: int, end: int, height: int) -> Tensor:
    """Return rows of an image, counted in those of one ``height`` high."""
    rows = image.shape[2]
    return image[:, :, begin * rows // height : end * rows // height]


def _empty(part: Tensor, height: int) -> Tensor:
    one, channels, _, width = part.shape
    return torch.empty((one, channels, height, width), dtype=part.dtype, memory_format=torch.channels_last)
