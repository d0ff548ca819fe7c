"""What is found out about a run of the experiment once it is over: its data, its pictures, its quality."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cryoden.denoising.denoise import denoise
from cryoden.evaluation.conclusions import compared
from cryoden.evaluation.evaluate import EvaluationFinished, evaluate_with
from cryoden.evaluation.exposures import Subject
from cryoden.evaluation.scores import Row
from cryoden.events.batch import MicrographDenoised
from cryoden.experiment.pair_grid import divided, sample
from cryoden.experiment.pairs import with_noise
from cryoden.experiment.training_pairs import PatchSet, read_pair
from cryoden.image.patch_alignment import alignment
from cryoden.io.atomic import atomic_write
from cryoden.micrograph import HalfPair, Micrograph, Pixels
from cryoden.model.checkpoint import load
from cryoden.runs.folder import RunFolder
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.fields import Device
from cryoden.settings.tools import EvaluationSettings

SHOWN, JUDGED = 2, 2  # held-out pairs in the picture, and those that are evaluated
AGAIN = 2**31  # an epoch no run reaches: noise that training has not seen
LOOKED_AT = 16  # pairs whose values are looked at
LEAST = 128  # px a patch must have for an evaluation to say anything


def keep_outcome(
    pairs: PatchSet, held_out: int, folder: RunFolder, device: Device, *, learned: bool = True
) -> None:
    """Write into the run's folder what can be said of it.

    Parameters
    ----------
    pairs : PatchSet
        What it was trained on.
    held_out : int
        How many pairs were to be kept out of training.
    folder : RunFolder
        Of the run, whose best model is there.
    device : str
        Where to compute.
    learned : bool
        Whether the run has a model; what an earlier stop has left there is none of it.

    Raises
    ------
    CryodenError
        When a pair cannot be read, or the folder not written.
    """
    _write(folder.data, _data(pairs))
    if not learned:
        return
    _, held = divided(pairs.grid, held_out)
    chosen = [_read(pairs, held[at]) for at in sample(len(held), JUDGED)]
    _picture(folder, [(noisy, target, _denoised(folder, noisy, device)) for noisy, target in chosen[:SHOWN]])
    if pairs.kind == "noise added" and pairs.edge >= LEAST:
        _write(folder.evaluation, _judged(pairs, [target for _, target in chosen], folder, device))


def _data(pairs: PatchSet) -> dict[str, str]:
    """Return in words what pairs spread over all of them are like."""
    chosen = sample(len(pairs), LOOKED_AT)
    found = np.array([_about(*_read(pairs, index)) for index in chosen])
    shifted, flat, low, high, mean, error, spread = found.T
    return {
        "pairs": f"{len(pairs):,}, of which {len(chosen):,} were inspected",
        "misaligned": f"{int(shifted.sum()):,}",
        "without contrast": f"{int(flat.sum()):,}",
        "targets": f"from {low.min():.3g} to {high.max():.3g}, mean {mean.mean():.3g}",
        "noisy − target": f"mean {error.mean():+z.2g}, standard deviation {spread.mean():.3g}",
    }


def _about(noisy: Pixels, target: Pixels) -> tuple[float, ...]:
    error, flat = noisy - target, float(np.ptp(target)) == 0
    moved = not flat and float(np.ptp(noisy)) > 0 and alignment(noisy, target).shifted
    values = target.min(), target.max(), target.mean(), error.mean(), error.std()
    return (float(moved), float(flat), *map(float, values))


def _judged(
    pairs: PatchSet, targets: Sequence[Pixels], folder: RunFolder, device: Device
) -> Mapping[str, Any]:
    """Evaluate the model on targets with noise added twice: two independent halves with a known truth."""
    subjects = [_subject(pairs, number, target) for number, target in enumerate(targets)]
    *_, ended = evaluate_with(subjects, [folder.model], EvaluationSettings(device=device))
    assert isinstance(ended, EvaluationFinished)  # noqa: S101  an evaluation ends with it
    rows = [_figures(row) for row in ended.table.rows]
    return {"methods": rows, "verdict": compared(ended.table, ended.table.assessed()[0]).words}


def _subject(pairs: PatchSet, number: int, target: Pixels) -> Subject:
    halves = [
        Micrograph(with_noise(target, pairs.settings, number, AGAIN + half), None, f"pair {number}", None)
        for half in (0, 1)
    ]
    return Subject(f"pair {number}", HalfPair(*halves), Micrograph(target, None, "truth", None))


def _figures(row: Row) -> dict[str, Any]:
    mean = row.mean
    return {"method": row.name, "gain_db": mean.truth_db, "r": mean.detail, "bias": mean.bias_ratio}


def _denoised(folder: RunFolder, noisy: Pixels, device: Device) -> Pixels:
    micrograph = Micrograph(noisy, None, "pair", None)
    events = denoise(micrograph, load(folder.model), DenoisingSettings(device=device))
    return next(one.micrograph.data for one in events if isinstance(one, MicrographDenoised))


def _picture(folder: RunFolder, rows: Sequence[tuple[Pixels, Pixels, Pixels]]) -> None:
    from matplotlib.figure import Figure  # noqa: PLC0415  it takes most of a second

    figure = Figure(figsize=(9, 3 * len(rows)), layout="constrained")
    for line, images in zip(figure.subplots(len(rows), 3, squeeze=False), rows, strict=True):
        low, high = np.percentile(images[1], (0.5, 99.5))
        for axes, image, title in zip(line, images, ("input", "target", "output"), strict=True):
            axes.imshow(image, cmap="gray", vmin=low, vmax=high)
            axes.set(title=title, xticks=[], yticks=[])
    with atomic_write(folder.pairs, overwrite=True) as temporary:
        figure.savefig(temporary, format="png", dpi=100)


def _write(path: Any, told: Mapping[str, Any]) -> None:
    with atomic_write(path, overwrite=True) as temporary:
        temporary.write_text(json.dumps(told, indent=1), encoding="utf-8")


def _read(pairs: PatchSet, index: int) -> tuple[Pixels, Pixels]:
    batch = read_pair(pairs, index)
    return batch.noisy[0, 0], batch.target[0, 0]
