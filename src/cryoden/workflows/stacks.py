"""Micrographs that lie in one file, denoised one after the other into one file of the same order."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from cryoden.denoising.denoise import Denoiser, tiles
from cryoden.denoising.nothing_left import refuse_constant
from cryoden.errors import CryodenError, Remark
from cryoden.events.batch import MicrographDenoised, TileFinished
from cryoden.io.result_stamp import CONFIDENCE_LABEL
from cryoden.micrograph import Micrograph
from cryoden.workflows.results import Output, confidence_file
from cryoden.workflows.stack_file import StackFile

GUESS = 0.5  # the confidence of an image of which none can be known, where it is known of others


def denoised_images(
    denoiser: Denoiser, count: int, read: Callable[[int], Micrograph], output: Output
) -> Generator[TileFinished, None, tuple[Remark, ...]]:
    """Yield each tile that is done; return what is odd about the images, which are written one by one.

    Parameters
    ----------
    denoiser : Denoiser
        The model on its device.
    count : int
        How many images there are.
    read : callable
        Returns one of them by its number from 0.
    output : Output
        Where they go.

    Raises
    ------
    CryodenError
        For the first image that cannot be denoised, which is named: all of them are in one file, or none.
    """
    warnings: list[Remark] = []
    with ExitStack() as parts:
        result = _StackResult(output, count, parts)
        for number in range(count):
            said = yield from _one(denoiser, partial(read, number), number, result)
            warnings += [Remark(one.code, f"image {number + 1:,}: {one.text}") for one in said]
    return tuple(warnings)


def _one(
    denoiser: Denoiser, read: Callable[[], Micrograph], number: int, result: _StackResult
) -> Generator[TileFinished, None, tuple[Remark, ...]]:
    with _named(f"image {number + 1:,} of {result.count:,}"):
        micrograph = read()
        made = yield from _of_all(tiles(denoiser.denoise(micrograph)), number, result.count)
        result.add(micrograph, made)
    return made.micrograph.warnings


@contextmanager
def _named(image: str) -> Iterator[None]:
    """Say of an error which image it is about."""
    try:
        yield
    except CryodenError as error:
        error.problem = f"{image}: {error.problem}"
        raise


class _StackResult:
    """A result and its confidence on their way to the disk, of which one image at a time is in memory.

    A confidence is begun with the first image that has one, and published before the result: one
    that is there has its confidence, too.
    """

    def __init__(self, output: Output, count: int, parts: ExitStack) -> None:
        self.output, self.count, self._parts = output, count, parts
        self._result = self._begun(output.part, output.label, output.settings.pixel_format)
        self._confidence: StackFile | None = None
        self._done = 0

    def add(self, raw: Micrograph, made: MicrographDenoised) -> None:
        """Write the next image."""
        denoised, target = made.micrograph, self.output.target
        refuse_constant(target, denoised, raw, self.output.settings.pixel_format)
        self._result.add(denoised.data, denoised.pixel_size)
        unknown = np.full(denoised.shape, GUESS, np.float32)
        if made.confidence is not None and self._confidence is None:
            file = confidence_file(target, self.output.micrograph, overwrite=self.output.overwrite)
            self._confidence = self._begun(self._parts.enter_context(file), CONFIDENCE_LABEL, "float32")
            for _ in range(self._done):
                self._confidence.add(unknown, denoised.pixel_size)
        if self._confidence is not None:
            known = unknown if made.confidence is None else made.confidence.data
            self._confidence.add(known, denoised.pixel_size)
        self._done += 1

    def _begun(self, path: Path, label: str, pixel_format: Literal["float32", "float16"]) -> StackFile:
        file = StackFile(path, self.count, like=self.output.micrograph, label=label, output=pixel_format)
        return self._parts.enter_context(file)


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
