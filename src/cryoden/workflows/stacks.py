"""Micrographs that lie in one file, denoised one after the other into one file of the same order."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace

import numpy as np

from cryoden.denoising.denoise import Denoiser, tiles
from cryoden.events.batch import MicrographDenoised, TileFinished
from cryoden.micrograph import Micrograph, Remark


def denoised_images(
    denoiser: Denoiser, count: int, read: Callable[[int], Micrograph]
) -> Generator[TileFinished, None, Micrograph]:
    """Yield each tile that is done; return the results as one micrograph of ``(n, h, w)`` pixels.

    Parameters
    ----------
    denoiser : Denoiser
        The model on its device.
    count : int
        How many images there are.
    read : callable
        Returns one of them by its number from 0.

    Raises
    ------
    CryodenError
        For the first image that cannot be denoised; all of them are in one file, or none.
    """
    pixels, warnings = [], []
    for number in range(count):
        micrograph = read(number)
        one = (yield from _of_all(tiles(denoiser.denoise(micrograph)), number, count)).micrograph
        pixels.append(one.data)
        warnings += [Remark(said.code, f"image {number + 1:,}: {said.text}") for said in one.warnings]
    return replace(one, data=np.stack(pixels), warnings=tuple(warnings))


def _of_all(
    events: Generator[TileFinished, None, MicrographDenoised], number: int, count: int
) -> Generator[TileFinished, None, MicrographDenoised]:
    """Pass tiles of one image on as tiles of all."""
    while True:
        try:
            tile = next(events)
        except StopIteration as end:
            result: MicrographDenoised = end.value
            return result
        yield TileFinished(number * tile.total + tile.done, count * tile.total)
