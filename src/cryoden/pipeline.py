"""The user stories. Command line and viewer call this module and nothing below it for work."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import cryoden
from cryoden import mrc
from cryoden.batches import in_turn
from cryoden.checkpoint import load
from cryoden.denoising import Denoiser
from cryoden.events import (
    BatchEvent,
    DenoisingEvent,
    FileFinished,
    FileSkipped,
    MicrographDenoised,
    TileFinished,
    TrainingEvent,
)
from cryoden.halves import refuse_mixed_pixel_sizes
from cryoden.looking import Previews
from cryoden.marks import Mark, Recipe, is_done, marked
from cryoden.micrograph import HalfPair, Micrograph, Windowed
from cryoden.opening import facts, open_halves, open_micrograph, open_supervised, read_micrograph
from cryoden.outputs import make_folders, results
from cryoden.publish import check_destination, publishing
from cryoden.regions import TrainingPair
from cryoden.run_folder import RunFolder, kept_in
from cryoden.run_report import finished
from cryoden.saving import save_best
from cryoden.settings import DenoisingSettings, ReadingSettings, TrainingSettings
from cryoden.shipped import GENERAL
from cryoden.thinning import thin_files, thinned
from cryoden.training import train

__all__ = [
    "Batch",
    "denoise_files",
    "denoise_micrograph",
    "facts",
    "open_halves",
    "open_micrograph",
    "open_supervised",
    "read_micrograph",
    "thin_files",
    "thinned",
    "tiles",
    "train_halves",
    "train_supervised",
    "write_denoised",
]


def train_halves(
    pairs: Sequence[HalfPair],
    keep: Path | RunFolder | None,
    settings: TrainingSettings,
    *,
    start: Path | None = None,
    overwrite: bool = False,
    previews: Previews | None = None,
) -> Iterator[TrainingEvent]:
    """Train by Noise2Noise on pairs of halves; see `cryoden.training.train`.

    Parameters
    ----------
    pairs : sequence of HalfPair
        Open files, or micrographs in memory.
    keep : Path, RunFolder or None
        Where the run is kept while it goes on: a model file of its best epoch, or a folder with
        everything about it, which must not exist; ``None`` keeps nothing.
    settings : TrainingSettings
        What the user chose.
    start : Path, optional
        Model file to go on from, in place of what the settings say.
    overwrite : bool
        Whether a model file already there may be replaced, which happens at the first best
        epoch and not before.
    previews : Previews, optional
        Where somebody looks at the run.

    Raises
    ------
    CryodenError
        For anything that stands in the way, before the first step where it can be known.
    """
    refuse_mixed_pixel_sizes(pairs)
    halves = [TrainingPair(pair.even, pair.odd) for pair in pairs]
    begin = partial(train, halves, "noise2noise", settings, previews=previews)
    return _trained(begin, halves, keep, _start(settings, start), overwrite)


def train_supervised(
    pairs: Sequence[tuple[Windowed, Windowed]],
    keep: Path | RunFolder | None,
    settings: TrainingSettings,
    *,
    start: Path | None = None,
    overwrite: bool = False,
    previews: Previews | None = None,
) -> Iterator[TrainingEvent]:
    """Train on noisy micrographs and what they should look like; see `train_halves`."""
    noisy_and_target = [TrainingPair(*pair) for pair in pairs]
    begin = partial(train, noisy_and_target, "supervised", settings, previews=previews)
    return _trained(begin, noisy_and_target, keep, _start(settings, start), overwrite)


def _start(settings: TrainingSettings, start: Path | None) -> Path | None:
    general = settings.begin == "general" and settings.network == "unet"
    return start or (GENERAL if general else None)


def _trained(
    begin: Callable[..., Iterator[TrainingEvent]],
    pairs: Sequence[TrainingPair],
    keep: Path | RunFolder | None,
    start: Path | None,
    overwrite: bool,
) -> Iterator[TrainingEvent]:
    model = load(start) if start else None
    events = begin(start=model)
    files = [m.path for pair in pairs for m in (pair.noisy, pair.target) if m.path is not None]
    if isinstance(keep, RunFolder):
        yield from finished(keep, kept_in(keep, events, files=files, start=model))
    elif keep is not None:
        check_destination(keep, overwrite=overwrite, inputs=files)
        yield from save_best(events, keep, files=files, start=model)
    else:
        yield from events


def denoise_micrograph(
    micrograph: Micrograph, model_path: Path, settings: DenoisingSettings
) -> Iterator[DenoisingEvent]:
    """Denoise a micrograph in memory; see `cryoden.denoising.Denoiser.denoise`."""
    yield from Denoiser(load(model_path), settings).denoise(micrograph)


@dataclass(frozen=True)
class Batch:
    """What stays the same for each file of a batch.

    Parameters
    ----------
    model : Path
        The model file; the general model, unless told.
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


def denoise_files(paths: Sequence[Path], output: Path, batch: Batch) -> Iterator[BatchEvent]:
    """Denoise files and folders, and what RELION STAR files list, into a folder that mirrors their tree.

    Results that are there already, made by the same model with the same settings from the same
    file, are not made again. A file that fails is named and skipped; see `cryoden.batches.in_turn`.

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
    recipe = Recipe(denoiser.model.sha256, batch.settings, batch.reading)
    make_folders(targets)
    yield from in_turn(targets, partial(_denoised, denoiser=denoiser, batch=batch, recipe=recipe))


def _denoised(
    path: Path, target: Path, *, denoiser: Denoiser, batch: Batch, recipe: Recipe
) -> Generator[BatchEvent, None, None]:
    began = time.monotonic()
    mark = recipe.mark(path)  # before reading: a file that changes meanwhile is another one next time
    if is_done(target, mark, overwrite=batch.overwrite):
        yield FileSkipped(path, target)
        return
    with publishing(target, overwrite=batch.overwrite, inputs=[path, batch.model]) as temporary:
        micrograph = read_micrograph(path, batch.reading)
        denoised = yield from tiles(denoiser.denoise(micrograph))
        write_denoised(temporary, denoised, batch.model, batch.settings, mark)
    yield FileFinished(path, target, time.monotonic() - began, denoised.warnings)


def tiles(events: Iterator[DenoisingEvent]) -> Generator[TileFinished, None, Micrograph]:
    """Pass the tiles on and return the micrograph they make."""
    for event in events:
        if isinstance(event, MicrographDenoised):
            return event.micrograph
        yield event
    raise AssertionError("denoising always ends with its result")


def write_denoised(
    path: Path,
    denoised: Micrograph,
    model_path: Path,
    settings: DenoisingSettings,
    mark: Mark | None = None,
) -> None:
    """Write a result to exactly this path, with the header of the file it came from.

    With a mark a batch finds it done, see `cryoden.marks`.
    """
    label = marked(f"cryoden {cryoden.__version__}: denoised with {model_path.name}", mark)
    mrc.write(
        path,
        denoised.data,
        pixel_size=denoised.pixel_size,
        like=denoised.path,
        label=label,
        output=settings.pixel_format,
    )
