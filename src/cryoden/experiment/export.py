"""A run of the experiment exported to other languages: its numbers, to write and check a program with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cryoden.dataset.output_paths import make_folder
from cryoden.errors import PatchFileError, RunError, SettingsError, printable
from cryoden.experiment import flat_files
from cryoden.experiment.data_source import opened_again
from cryoden.experiment.pair_grid import divided
from cryoden.experiment.pairs import PatchPairs
from cryoden.experiment.reference import expected
from cryoden.experiment.training_pairs import PatchSet, TrainingPairs
from cryoden.io.atomic import atomic_folder, check_folder
from cryoden.micrograph import Micrograph, Pixels
from cryoden.model import checkpoint
from cryoden.runs.record import RunRecord, read
from cryoden.sampling.source import Batch
from cryoden.settings.baseline import BaselineSettings, ExportSettings, PatchSettings

SMALLEST_PATCH = 16  # px, of `PatchSettings`


@dataclass(frozen=True)
class RunExported:
    """What was written."""

    folder: Path
    arrays: int
    bytes: int


def export_run(run: Path, folder: Path, settings: ExportSettings) -> RunExported:
    """Write weights, batches and all that is expected of them; the same run gives the same bytes.

    Parameters
    ----------
    run : Path
        Run folder of the baseline experiment, with a model.
    folder : Path
        Made here; must not exist. It appears whole, or not at all.
    settings : ExportSettings
        How much.

    Raises
    ------
    RunError
        R01 to R03 for a folder without a whole run, R06 for a run of something else.
    PatchFileError
        Q06 when the run's data are gone.
    SettingsError
        S01 for more pairs than the run was trained on.
    OutputError
        O05 when the folder exists, O02, O03 or O06 when it cannot be written.
    """
    record = read(run)
    chosen = _settings(record)
    make_folder(folder.parent)
    check_folder(folder)
    final = checkpoint.load(record.folder.model).weights
    source, kind = _source(record, chosen, settings)
    batches, whence = _batches(source, settings)
    rate = chosen.learning_rate
    found = expected(batches, final, seed=chosen.seed, learning_rate=rate, steps=settings.steps)
    arrays = {**found.arrays, "losses": found.losses, "learning_rate": np.array([rate])}
    about = {"run": printable(record.name), "seed": str(chosen.seed), "pairs": f"{kind}: {whence}"}
    order = "" if settings.synthetic else _order(source, -(-int(record.about["steps"]) // source.steps))
    with atomic_folder(folder) as temporary:
        flat_files.write(temporary, arrays, found.losses, about, order)
    return RunExported(folder, len(arrays), sum(4 * values.size for values in arrays.values()))


def _settings(record: RunRecord) -> BaselineSettings:
    settings = record.started.settings
    if not isinstance(settings, BaselineSettings):
        problem = "is a run of cryoden train, not of the baseline experiment"
        fix = "Give a folder written by cryoden baseline"
        raise RunError("R06", record.folder.path, problem, kept="Nothing was written", fix=fix)
    return settings


def _source(
    record: RunRecord, chosen: BaselineSettings, settings: ExportSettings
) -> tuple[TrainingPairs, str]:
    """Return the pairs of the run, or synthetic ones, and in words which they are."""
    if settings.synthetic:
        count = settings.pairs * settings.batches
        return TrainingPairs(synthetic(count, settings.edge), range(count), chosen), "synthetic"
    pairs = _of_run(record)
    training = divided(pairs.grid, chosen.validation_pairs)[0]
    return TrainingPairs(pairs, training, chosen), "first pairs of the run's first epoch"


def _batches(source: TrainingPairs, settings: ExportSettings) -> tuple[list[Batch], str]:
    """Return the batches, and in words which pairs they are."""
    count = settings.pairs * settings.batches
    indices = [int(index) for index in source.order(1)[:count]]
    if len(indices) < count:
        problem = f"pairs × batches = {count:,} (expected at most {len(indices):,}, what the run trained on)"
        raise SettingsError("S01", None, problem, fix="Choose fewer")
    cut = [_cut(source, index, settings.edge) for index in indices]
    batches = [_stacked(cut[at : at + settings.pairs]) for at in range(0, count, settings.pairs)]
    edge = batches[0].noisy.shape[-1]
    return batches, f"{' '.join(map(str, indices))}; {edge} x {edge} px of their middle"


def _order(source: TrainingPairs, epochs: int) -> str:
    """Return the pairs of each epoch the run began, in their order, as text."""
    return flat_files.order_text(source.size, (source.order(epoch) for epoch in range(1, epochs + 1)))


def _of_run(record: RunRecord) -> PatchSet:
    known = record.about.get("data")
    if not known:
        problem = "has no record of its training data"
        fix = "Pass --synthetic to use synthetic pairs"
        raise PatchFileError("Q06", record.folder.path, problem, kept="Nothing was written", fix=fix)
    return opened_again(known)


def _cut(source: TrainingPairs, index: int, edge: int) -> tuple[Pixels, Pixels]:
    """Return the middle of a pair as the run's first epoch saw it, ``(edge, edge)`` each."""
    noisy, target = np.empty((2, source.edge, source.edge), np.float32)
    source.read((1, index), noisy, target)
    start = max(0, (source.edge - edge) // 2)
    middle = slice(start, start + edge)
    return noisy[middle, middle], target[middle, middle]


def _stacked(cut: list[tuple[Pixels, Pixels]]) -> Batch:
    noisy, target = (np.stack(side)[:, None] for side in zip(*cut, strict=True))
    return Batch(noisy, target)


def synthetic(count: int, edge: int) -> PatchPairs:
    """Return pairs of blobs with the experiment's noise, for where there are no micrographs."""
    patch = max(edge, SMALLEST_PATCH)
    settings = PatchSettings(patch=patch, stride=patch)
    return PatchPairs(list(_blobs(count, patch)), None, settings)


def _blobs(count: int, edge: int) -> Iterator[Micrograph]:
    """Yield micrographs of white noise that was smoothed four times, all pixels positive."""
    for index in range(count):
        draw = np.random.Generator(np.random.Philox(key=index))
        image = draw.standard_normal((edge, edge))
        for axis in (0, 1, 0, 1):
            image = np.mean([np.roll(image, shift, axis) for shift in range(-2, 3)], axis=0)
        image = 0.5 + 0.2 * image / image.std()
        yield Micrograph(np.maximum(image, 0.01).astype(np.float32), None, f"synthetic {index}")
