"""The user stories. Command line and viewer call this module and nothing below it for work."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cryoden
from cryoden import mrc
from cryoden.checkpoint import Model, load
from cryoden.denoising import Denoiser
from cryoden.errors import CryodenError, HalvesError, OutputError, SettingsError
from cryoden.events import (
    BatchEvent,
    BatchFinished,
    DenoisingEvent,
    FileFailed,
    FileFinished,
    FileStarted,
    Mode,
    TileFinished,
    TrainingEvent,
)
from cryoden.halves import check_pairs, find_pairs
from cryoden.micrograph import HalfPair, Micrograph, Windowed
from cryoden.patches import TrainingPair
from cryoden.probe import probe
from cryoden.publish import check_destination, publishing
from cryoden.saving import save_best
from cryoden.settings import DenoisingSettings, ReadingSettings, TrainingSettings
from cryoden.training import train

ENOUGH_FILES, TOO_MANY_FAILURES = 20, 0.1
SAME_PIXEL_SIZE = 0.05


def open_halves(paths: Sequence[Path], reading: ReadingSettings | None = None) -> list[HalfPair]:
    """Find, open and check the pairs of halves among files and folders.

    Raises
    ------
    HalvesError
        D01 to D07: nothing found, partners missing, or pairs that are not halves.
    MicrographError
        For a half that cannot be read.
    """
    pairs = [HalfPair(_opened(files.even, reading), _opened(files.odd, reading)) for files in find_pairs(paths)]
    check_pairs(pairs)
    return pairs


def open_supervised(noisy: Path, target: Path, reading: ReadingSettings | None = None) -> tuple[Windowed, Windowed]:
    """Open one pair for supervised training.

    Raises
    ------
    HalvesError
        D05 when the sizes differ.
    MicrographError
        For a file that cannot be read.
    """
    pair = _opened(noisy, reading), _opened(target, reading)
    if pair[0].shape != pair[1].shape:
        sizes = " and ".join("×".join(map(str, micrograph.shape)) for micrograph in pair)
        raise HalvesError("D05", noisy, f"its target {target.name} has another size ({sizes} px)", kept="Nothing was trained")
    return pair


def train_halves(
    pairs: Sequence[HalfPair],
    model_path: Path | None,
    settings: TrainingSettings,
    *,
    start: Path | None = None,
    overwrite: bool = False,
) -> Iterator[TrainingEvent]:
    """Train by Noise2Noise on pairs of halves; see `cryoden.training.train`.

    Parameters
    ----------
    pairs : sequence of HalfPair
        Open files, or micrographs in memory.
    model_path : Path or None
        Where the best model is kept while the run goes on; ``None`` keeps none.
    settings : TrainingSettings
        What the user chose.
    start : Path, optional
        Model file to go on from.
    overwrite : bool
        Whether a model file already there may be replaced, which happens at the first best
        epoch and not before.

    Raises
    ------
    CryodenError
        For anything that stands in the way, before the first step where it can be known.
    """
    halves = [TrainingPair(pair.even, pair.odd) for pair in pairs]
    return _trained(halves, "noise2noise", model_path, settings, start, overwrite)


def train_supervised(
    pairs: Sequence[tuple[Windowed, Windowed]],
    model_path: Path | None,
    settings: TrainingSettings,
    *,
    start: Path | None = None,
    overwrite: bool = False,
) -> Iterator[TrainingEvent]:
    """Train on noisy micrographs and what they should look like; see `train_halves`."""
    noisy_and_target = [TrainingPair(*pair) for pair in pairs]
    return _trained(noisy_and_target, "supervised", model_path, settings, start, overwrite)


def _trained(
    pairs: Sequence[TrainingPair],
    mode: Mode,
    model_path: Path | None,
    settings: TrainingSettings,
    start: Path | None,
    overwrite: bool,
) -> Iterator[TrainingEvent]:
    model = load(start) if start else None
    events = train(pairs, mode, settings, start=model)
    if model_path is None:
        yield from events
        return
    files = [m.path for pair in pairs for m in (pair.noisy, pair.target) if m.path is not None]
    check_destination(model_path, overwrite=overwrite, inputs=files)
    yield from save_best(events, model_path, files=files, start=model)


def denoise_micrograph(micrograph: Micrograph, model_path: Path, settings: DenoisingSettings) -> Iterator[DenoisingEvent]:
    """Denoise a micrograph in memory; see `cryoden.denoising.Denoiser.denoise`."""
    yield from Denoiser(load(model_path), settings).denoise(micrograph)


@dataclass(frozen=True)
class Batch:
    """What stays the same for each file of a batch.

    Parameters
    ----------
    model : Path
        The model file.
    settings : DenoisingSettings
        How to denoise and what to write.
    reading : ReadingSettings or None
        How to read the inputs.
    overwrite : bool
        Whether results already there may be replaced.
    """

    model: Path
    settings: DenoisingSettings
    reading: ReadingSettings | None = None
    overwrite: bool = False


def denoise_files(paths: Sequence[Path], output: Path, batch: Batch) -> Iterator[BatchEvent]:
    """Denoise files and folders into a folder that mirrors their tree.

    A file that fails is named and skipped. When more than a tenth of at least twenty files
    has failed, the batch ends early.

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
    model = load(batch.model)
    denoiser = Denoiser(model, batch.settings)
    _make_folders(targets)
    began = time.monotonic()
    failed: list[Path] = []
    for index, (path, target) in enumerate(targets.items()):
        yield FileStarted(path, index, len(targets))
        try:
            yield from _denoised(path, target, denoiser, model, batch)
        except CryodenError as error:
            failed.append(path)
            yield FileFailed(path, str(error))
        if len(failed) > TOO_MANY_FAILURES * max(index + 1, ENOUGH_FILES):
            break
    yield BatchFinished(index + 1 - len(failed), tuple(failed), time.monotonic() - began)


def _denoised(
    path: Path, target: Path, denoiser: Denoiser, model: Model, batch: Batch
) -> Iterator[BatchEvent]:
    began = time.monotonic()
    with publishing(target, overwrite=batch.overwrite, inputs=[path, batch.model]) as temporary:
        micrograph = mrc.read(path, **_options(batch.reading))
        for event in denoiser.denoise(micrograph):
            if isinstance(event, TileFinished):
                yield event
            else:
                write_denoised(temporary, event.micrograph, batch.model, batch.settings)
    warnings = (*probe(path, **_probing(batch.reading)).warnings, *_doubts(micrograph, model))
    yield FileFinished(path, target, time.monotonic() - began, warnings)


def write_denoised(path: Path, denoised: Micrograph, model_path: Path, settings: DenoisingSettings) -> None:
    """Write a result to exactly this path, with the header of the file it came from."""
    label = f"cryoden {cryoden.__version__}: denoised with {model_path.name}"[:80]
    mrc.write(
        path, denoised.data, pixel_size=denoised.pixel_size, like=denoised.path, label=label, output=settings.output
    )


def results(paths: Sequence[Path], output: Path) -> dict[Path, Path]:
    """Return for each micrograph among files and folders where its result goes.

    A file gives ``<stem>_denoised.mrc`` in the output folder; below a folder the tree is kept.

    Raises
    ------
    SettingsError
        D01 when there is no micrograph.
    OutputError
        D07 when two micrographs would have the same result.
    """
    targets = {file: output / parent / f"{file.stem}_denoised.mrc" for file, parent in _listed(paths, output)}
    if not targets:
        asked = ", ".join(map(str, paths))
        raise SettingsError("D01", None, f"0 micrographs match '{asked}' in {Path.cwd()}", fix="Give MRC files or folders")
    taken: dict[Path, Path] = {}
    for file, target in targets.items():
        if taken.setdefault(target, file) != file:
            problem = f"{taken[target]} would have the same result, {target}"
            raise OutputError("D07", file, problem, kept="Nothing was denoised", fix="Give the folder above both")
    return targets


def _listed(paths: Sequence[Path], output: Path) -> Iterator[tuple[Path, Path]]:
    for path in paths:
        if not path.is_dir():
            yield path, Path()
            continue
        for file in sorted(path.rglob("*")):
            inside = file.is_relative_to(output) and output != path
            if mrc.is_micrograph_name(file) and file.is_file() and not inside and not file.name.startswith("."):
                yield file, file.parent.relative_to(path)


def _make_folders(targets: Mapping[Path, Path]) -> None:
    for folder in sorted({target.parent for target in targets.values()}):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError("O06", folder, f"cannot be made: {error.strerror}", fix="Choose another folder") from error


def _doubts(micrograph: Micrograph, model: Model) -> tuple[str, ...]:
    here, there = micrograph.pixel_size, model.pixel_size
    if here is None or there is None or abs(here / there - 1) <= SAME_PIXEL_SIZE:
        return ()
    return (f"the model was trained at {there:.3g} Å/px, this micrograph has {here:.3g} Å/px",)


def _opened(path: Path, reading: ReadingSettings | None) -> mrc.MicrographFile:
    return mrc.open_micrograph(path, **_options(reading))


def _options(reading: ReadingSettings | None) -> dict[str, Any]:
    chosen = reading or ReadingSettings()
    return _probing(chosen) | {"pixel_size": chosen.pixel_size or None}


def _probing(reading: ReadingSettings | None) -> dict[str, Any]:
    chosen = reading or ReadingSettings()
    return {"mode0": chosen.mode0, "assume_no_extended_header": chosen.assume_no_ext_header}
