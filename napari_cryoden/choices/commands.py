"""What is chosen in a dock as a command line that does the same, for a terminal or a cluster."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryoden.dataset.opening import facts as header_of
from cryoden.errors import SettingsError
from cryoden.model.general import GENERAL
from cryoden.runs.folder import RunFolder
from cryoden.settings.arguments import Words, arguments, command, one_after_another, option
from cryoden.settings.reading import ReadingSettings
from cryoden.settings.training import TrainingSettings
from napari_cryoden.choices.halves_choice import flags_of
from napari_cryoden.jobs.then_batch import BatchPlan
from napari_cryoden.layers.half_sum import halves_of
from napari_cryoden.layers.layer_data import facts_of
from napari_cryoden.layers.plane import pixel_size, plane_of
from napari_cryoden.widgets.training_data import TrainingData

SAME = 1e-4  # of two pixel sizes, as headers round them


def missing(what: str) -> SettingsError:
    """Return the error of a command that lacks something."""
    return SettingsError(
        "S03", None, f"no command can be copied yet: {what}", fix="Choose it, then copy again"
    )


def chosen(path: Path | None, what: str) -> Path:
    """Return a path from the root, as a terminal may stand in any folder.

    Raises
    ------
    SettingsError
        S03 where none was chosen.
    """
    if path is None:
        raise missing(f"choose {what}")
    return path.absolute()


def file_of(layer: Any) -> Path:
    """Return the file that a layer shows.

    Raises
    ------
    SettingsError
        S03 for a layer that is none.
    """
    if layer is None:
        raise missing("no layer is chosen")
    facts = facts_of(layer)
    path = facts.get("file") if facts.get("role") == "denoised" else facts.get("source")
    if not path:
        raise missing(f"layer '{layer.name}' is not a file; save it as MRC and open that")
    return Path(path).absolute()


def section_of(layer: Any) -> Words:
    """Return the flag for what is in view of a stack."""
    section = plane_of(layer).section
    if len(section) > 1:
        raise missing(f"layer '{layer.name}' is no stack of micrographs")
    return option("planes", *map(str, section))


def reading_of(*layers: Any) -> Words:
    """Return the flags with which the files of layers are read as the layers are.

    Raises
    ------
    SettingsError
        S03 for a layer that is no file, and for Å/px that are not those of all files.
    MicrographError
        For a file that cannot be read any more.
    """
    readings = [_reading(layer) for layer in layers]
    wanted = max(readings, key=lambda one: len(arguments(one)), default=ReadingSettings())
    size = wanted.pixel_size
    if size and any(not math.isclose(pixel_size(layer) or size, size, rel_tol=SAME) for layer in layers):
        raise missing("the layers differ in pixel size, and a command gives all files one")
    return arguments(wanted)


def _reading(layer: Any) -> ReadingSettings:
    """Return how a layer was opened, with its Å/px where its file says others, or none."""
    reading = facts_of(layer).get("reading") or ReadingSettings()
    halves, size = halves_of(layer), pixel_size(layer)
    stated = header_of(halves[0] if halves else file_of(layer), reading).pixel_size
    if size is None or math.isclose(size, stated or 0, rel_tol=SAME):
        return reading
    return replace(reading, pixel_size=size)


def info(paths: Sequence[Path], reading: ReadingSettings) -> str:
    """Return the command that lists what is in files and folders."""
    if not paths:
        raise missing("choose a folder or files")
    return command("info", *(path.absolute() for path in paths), *arguments(reading))


def denoise(
    paths: Iterable[Path], output: Path, model: Path, *settings: Any, more: Sequence[str] = ()
) -> str:
    """Return the command that denoises files with these settings of all kinds."""
    own = None if model == GENERAL else model.absolute()
    flags = [word for each in settings for word in arguments(each)]
    return command("denoise", *paths, "--output", output, *option("model", own), *flags, *more)


def training_flags(source: TrainingData) -> Words:
    """Return the flags of what is learned from: all halves that are ticked, by their files."""
    if (both := source.noisy_and_target()) is not None:
        noisy, target = map(file_of, both)
        return [*option("noisy", noisy), *option("target", target)]
    halves = [half for opener in source.pairs.chosen() for half in (opener().even, opener().odd)]
    for half in halves:
        if half.path is None:
            raise missing(f"'{half.name}' is not a file; save it as MRC and open that")
    files = dict.fromkeys(half.path.absolute() for half in halves if half.path is not None)
    if not files:
        raise missing("no usable pair is ticked")
    whole = source.folder.path if source.is_whole_folder else None
    return option("halves", *([whole.absolute()] if whole else files))


def training(
    source: TrainingData, run: Path, settings: TrainingSettings, start: Path | None, plan: BatchPlan | None
) -> str:
    """Return the command that trains into a run folder, and the one of a batch with its model."""
    counted, halves = source.counts(), run.with_name(f"{run.name}_halves")
    first = [] if counted is None else [_thin(counted, halves)]
    data = training_flags(source) if counted is None else option("halves", halves)
    data = [*data, *(reading_of(*source.layers) if counted is None else ())]
    tuned = option("fine-tune-from", start and start.absolute())
    trained = command("train", *data, "--run", run, *tuned, *arguments(settings))
    return one_after_another([*first, trained, *([] if plan is None else [_batch(plan, run)])])


def _thin(counted: Any, halves: Path) -> str:
    return command("thin", file_of(counted), "--out", halves, *reading_of(counted))


def _batch(plan: BatchPlan, run: Path) -> str:
    paths, output = [plan.micrographs.absolute()], plan.output.absolute()
    settings, more = (plan.settings, plan.reading, plan.workers), flags_of(plan.halves)
    return denoise(paths, output, RunFolder(run).model, *settings, more=more)
