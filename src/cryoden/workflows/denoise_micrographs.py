"""Denoising workflows. Command line and viewer call this module and nothing below it for work."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from cryoden.compute import devices
from cryoden.dataset.folder_walk import left_out_below
from cryoden.dataset.opening import facts, read_micrograph
from cryoden.dataset.output_paths import make_folders, results
from cryoden.dataset.star_files import pixel_sizes
from cryoden.denoising.denoise import Denoiser, tiles
from cryoden.denoising.nothing_left import refuse_constant
from cryoden.errors import Remark
from cryoden.events.batch import (
    BatchEvent,
    DenoisingEvent,
    FileFinished,
    FileSkipped,
    TileFinished,
)
from cryoden.io.atomic import atomic_write
from cryoden.io.leftovers import remove_leftovers
from cryoden.io.mrc_probe import probe
from cryoden.io.mrc_sections import one_section
from cryoden.io.result_stamp import ResultStamp, StampInputs, denoised_with, is_done
from cryoden.micrograph import Micrograph
from cryoden.model.checkpoint import load
from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.reading import ReadingSettings
from cryoden.workflows.batch import alone, ending, in_turn
from cryoden.workflows.results import Output, label_with, write_confidence, write_denoised
from cryoden.workflows.stacks import denoised_images

TWICE = Remark("T14", "this is a result of cryoden already: denoised twice")


def denoise_micrograph(
    micrograph: Micrograph, model_path: Path, settings: DenoisingSettings
) -> Iterator[DenoisingEvent]:
    """Denoise a micrograph in memory; see `cryoden.denoising.denoise.Denoiser.denoise`."""
    yield from Denoiser(load(model_path), settings).denoise(micrograph)


@dataclass(frozen=True)
class BatchRequest:
    """What stays the same for each file of a batch.

    Parameters
    ----------
    model : Path
        The model file; the general model by default.
    settings : DenoisingSettings
        How to denoise and what to write.
    reading : ReadingSettings or None
        How to read the inputs.
    overwrite : bool
        Whether what lies in the place of a result may be replaced when it was made with another
        model, with other settings or from another file.
    """

    model: Path = GENERAL
    settings: DenoisingSettings = field(default_factory=DenoisingSettings)
    reading: ReadingSettings | None = None
    overwrite: bool = False


def denoise_files(paths: Sequence[Path], output: Path, batch: BatchRequest) -> Iterator[BatchEvent]:
    """Denoise files and folders, and what RELION STAR files list, into a folder that mirrors their tree.

    Results that are there already, made by the same model with the same settings from the same
    file, are not made again. A file that fails is named and skipped; see `cryoden.workflows.batch.in_turn`.

    Raises
    ------
    SettingsError
        D01 when there is nothing to denoise.
    OutputError
        D07 when two results would have one name, O06 when the folder cannot be made.
    ModelFileError
        For a model that cannot be used.
    """
    targets = results(paths, output)
    denoiser = Denoiser(load(batch.model), batch.settings)
    recipe = StampInputs(denoiser.model.sha256, batch.settings, batch.reading)
    make_folders(targets)
    for folder in {target.parent for target in targets.values()}:
        remove_leftovers(folder)
    sizes = pixel_sizes(paths)
    work = partial(_denoised, denoiser=denoiser, batch=batch, recipe=recipe, sizes=sizes)
    left_out, device = left_out_below(paths, output, results=False), devices.describe(denoiser.place.device)
    yield from ending(in_turn(targets, work), left_out=left_out, device=device)


def _denoised(
    path: Path,
    target: Path,
    *,
    denoiser: Denoiser,
    batch: BatchRequest,
    recipe: StampInputs,
    sizes: Mapping[Path, float],
) -> Generator[BatchEvent, None, None]:
    mark = recipe.mark(
        path, sizes.get(path)
    )  # before reading: a file that changes meanwhile is another one next time
    if is_done(target, mark, overwrite=batch.overwrite):
        yield FileSkipped(path, target)
        return
    with alone(target):
        yield from _made(path, target, denoiser=denoiser, batch=batch, mark=mark, size=sizes.get(path))


def _made(
    path: Path,
    target: Path,
    *,
    denoiser: Denoiser,
    batch: BatchRequest,
    mark: ResultStamp,
    size: float | None,
) -> Generator[BatchEvent, None, None]:
    began = time.monotonic()
    if is_done(target, mark, overwrite=batch.overwrite):  # by another process meanwhile
        yield FileSkipped(path, target)
        return
    with atomic_write(target, overwrite=batch.overwrite, inputs=[path, batch.model]) as temporary:
        read = partial(read_micrograph, path, batch.reading, size)
        images = _images(path, batch) if batch.settings.stack else 1
        label = label_with(batch.model, mark)
        output = Output(path, temporary, target, label, batch.settings, batch.overwrite)
        if images > 1:
            warnings = yield from denoised_images(denoiser, images, read, output)
        else:
            warnings = yield from _one_image(denoiser, read(), output)
    warnings += (TWICE,) if denoised_with(probe(path).labels[-1:]) else ()
    yield FileFinished(path, target, time.monotonic() - began, warnings)


def _images(path: Path, batch: BatchRequest) -> int:
    """Return how many micrographs are in a file; particles and volumes are refused as a whole."""
    found = facts(path, batch.reading)
    one_section(found, 0)
    return found.nz


def _one_image(
    denoiser: Denoiser, micrograph: Micrograph, output: Output
) -> Generator[TileFinished, None, tuple[Remark, ...]]:
    made = yield from tiles(denoiser.denoise(micrograph))
    refuse_constant(output.target, made.micrograph, micrograph, output.settings.pixel_format)
    # First: a result that is there is one whose confidence is, too.
    write_confidence(output.target, made.confidence, overwrite=output.overwrite)
    write_denoised(output.part, made.micrograph, output.settings, output.label)
    return made.micrograph.warnings
