"""Planes of one file, micrographs or a tilt series, denoised one by one into one file of the same order."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from cryoden.denoising.binned import binned, binned_within
from cryoden.denoising.denoise import Denoiser, tiles
from cryoden.denoising.nothing_left import refuse_constant
from cryoden.errors import CryodenError, MicrographError, Remark
from cryoden.events.batch import MicrographDenoised, TileFinished
from cryoden.formats import mdoc
from cryoden.formats.beside import mdocs_of
from cryoden.formats.result_stamp import CONFIDENCE_LABEL
from cryoden.formats.stack_file import Stack, StackFile, TiffStack
from cryoden.formats.writing import PixelFormat, format_of, original_of
from cryoden.io.mrc_probe import HeaderFacts
from cryoden.io.mrc_sections import one_section, refuse_volume
from cryoden.micrograph import Micrograph
from cryoden.settings.denoising import DenoisingSettings
from cryoden.workflows.results import Output, confidence_file, mdoc_file

GUESS = 0.5  # the confidence of an image of which none can be known, where it is known of others


def planes_of(facts: HeaderFacts, settings: DenoisingSettings) -> list[int] | None:
    """Return which planes of a file are to be denoised, from 0; ``None`` of a single micrograph as a whole.

    Raises
    ------
    MicrographError
        ``F32`` for particles, and, where planes are not asked for, for volumes; ``F66`` for a plane that
        is not there.
    """
    if not (settings.stack or settings.planes):
        return None
    if not settings.planes:
        refuse_volume(facts)
    one_section(facts, 0)
    ranges = (sorted(map(int, part.split("-"))) for part in settings.planes.split(",") if part.strip("al"))
    chosen = dict.fromkeys(
        plane for ends in ranges for plane in (ends[0], *range(ends[0], min(ends[-1], facts.nz) + 1))
    )
    missing = next((plane for plane in chosen if plane >= facts.nz), None)
    if missing is not None:
        what = f"has no plane {missing:,}: they are 0 to {facts.nz - 1:,}"
        raise MicrographError("F66", facts.path, what, kept="Skipped", fix="Choose others with --planes")
    return None if facts.nz == 1 else list(chosen) or list(range(facts.nz))


def denoised_planes(
    denoiser: Denoiser, planes: Sequence[int], read: Callable[[int], Micrograph], output: Output
) -> Generator[TileFinished, None, tuple[Remark, ...]]:
    """Yield each tile that is done; return what is odd about the images, which are written one by one.

    Parameters
    ----------
    denoiser : Denoiser
        The model on its device.
    planes : sequence of int
        Which images.
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
        result = _StackResult(output, planes, parts)
        for number, plane in enumerate(planes):
            said = yield from _one(denoiser, partial(read, plane), number, result)
            which = f"image {number + 1:,}" if result.is_whole else f"plane {plane:,}"
            warnings += [Remark(one.code, f"{which}: {one.text}") for one in said]
        warnings += result.describe()
    return tuple(warnings)


def _one(
    denoiser: Denoiser, read: Callable[[], Micrograph], number: int, result: _StackResult
) -> Generator[TileFinished, None, tuple[Remark, ...]]:
    with _named(result.name(number)):
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

    def __init__(self, output: Output, planes: Sequence[int], parts: ExitStack) -> None:
        self.output, self.count, self._planes, self._parts = output, len(planes), planes, parts
        self._result = self._begun(output.part, output.label, output.settings.pixel_format)
        self._confidence: Stack | None = None
        self._shape, self._times = (0, 0), 1.0
        self._done = 0

    @property
    def is_whole(self) -> bool:
        """Whether the planes are the first ones, of which the last may be that of the file."""
        return list(self._planes) == list(range(self.count))

    def name(self, number: int) -> str:
        """Return what an image is called, by its number among those that are denoised."""
        return (
            f"image {number + 1:,} of {self.count:,}" if self.is_whole else f"plane {self._planes[number]:,}"
        )

    def add(self, raw: Micrograph, made: MicrographDenoised) -> None:
        """Write the next image."""
        denoised, target = made.micrograph, self.output.target
        refuse_constant(target, denoised, raw, self.output.settings.pixel_format)
        denoised = binned(denoised, self.output.settings)
        self._shape, self._times = denoised.shape, raw.shape[1] / denoised.shape[1]
        self._result.add(denoised.data, denoised.pixel_size)
        unknown = np.full(denoised.shape, GUESS, np.float32)
        if made.confidence is not None and self._confidence is None:
            file = self._parts.enter_context(confidence_file(self.output))
            self._confidence = self._begun(file, CONFIDENCE_LABEL, "float32")
            for _ in range(self._done):
                self._confidence.add(unknown, denoised.pixel_size)
        if self._confidence is not None:
            known = unknown
            if made.confidence is not None:
                known = binned_within(made.confidence, self.output.settings).data
            self._confidence.add(known, denoised.pixel_size)
        self._done += 1

    def describe(self) -> tuple[Remark, ...]:
        """Write an mdoc file like that of the input, where there is one; return why not."""
        files = mdocs_of(self.output.micrograph) if self.output.micrograph else []
        try:
            whole = next((one for one in map(mdoc.read, files) if one.is_of_images), None)
        except MicrographError as error:
            return (Remark(error.code, f"{error.file} is not copied: it {error.problem}"),)
        if whole is not None:
            title = self.output.label.replace("\n", "; ")
            text = mdoc.of_result(whole, self._planes, title, self._changed)
            part = self._parts.enter_context(mdoc_file(self.output))
            part.write_text(text, encoding="utf-8", errors="surrogateescape", newline="\n")
        return ()

    def _changed(self, section: mdoc.Section) -> dict[str, str | None]:
        """Return what is other than in the input: size of images and pixels, pixel format, least and most."""
        height, width = self._shape
        size, spacing = {"ImageSize": f"{width} {height}"}, section.real("PixelSpacing")
        mode = {"float32": "2", "float16": "12"}[self.output.settings.pixel_format]
        spaced = {"PixelSpacing": f"{spacing * self._times:.6g}"} if spacing else {}
        return size | spaced | {"DataMode": mode, "MinMaxMean": None, "ImageFile": self.output.target.name}

    def _begun(self, path: Path, label: str, pixel_format: PixelFormat) -> Stack:
        like = None if self.output.micrograph is None else original_of(self.output.micrograph, self._planes)
        kind: type[Stack] = TiffStack if format_of(self.output.target) == "tiff" else StackFile
        return self._parts.enter_context(kind(path, self.count, like=like, label=label, output=pixel_format))


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
