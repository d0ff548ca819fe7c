"""Which epoch of a run on halves is best, by the particle band and by the loss: judged on pixels no run saw.

    python benchmarks/best_epoch.py EVEN ODD --start-from general --epochs 10

Trains on the left half of a micrograph; the right half judges the epochs that either choice would keep.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from cryoden.denoising.adapting import adapted_to
from cryoden.denoising.denoise import denoise
from cryoden.evaluation.bands import agreement_by_band, blocks
from cryoden.events.batch import MicrographDenoised
from cryoden.events.training import EpochFinished, TrainingStarted
from cryoden.formats import micrographs
from cryoden.image.spectra import PARTICLES
from cryoden.micrograph import Array, Micrograph
from cryoden.model.checkpoint import Model, load
from cryoden.model.general import GENERAL
from cryoden.sampling.holdout import TrainingPair
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.training import TrainingSettings
from cryoden.training.micrographs import train_on_micrographs
from cryoden.training.run_state import RunState

BLOCK = 900  # px
Halves = tuple[Micrograph, ...]
NETWORK = DenoisingSettings(device="cpu", ring_gains=False, ice_ring=False)


def trained(halves: Halves, settings: TrainingSettings) -> tuple[TrainingStarted, list[EpochFinished]]:
    """Return a run, with the weights of every epoch but the start."""
    RunState._is_kept = lambda self, epoch: epoch.epoch > 0  # type: ignore[method-assign]  # noqa: ARG005  not only of the best
    start = adapted_to(halves, load(GENERAL)) if settings.start_from == "general" else None
    known, epochs = None, []
    for event in train_on_micrographs([TrainingPair(*halves)], "noise2noise", settings, start=start):
        if isinstance(event, TrainingStarted):
            known = event
            print(event.references)
        elif isinstance(event, EpochFinished):
            epochs.append(event)
            print(event.epoch, f"loss {event.validation_loss:.5f} band {event.quality.band:.4f}", flush=True)
    assert known is not None
    return known, epochs


def judged(halves: Halves, started: TrainingStarted, epoch: EpochFinished) -> Array:
    """Return the correlation in the particle band block by block, both ways."""
    assert epoch.weights is not None
    model = Model("unet", epoch.weights, started.pixel_size, {}, started.working_pixel, started.scale)
    return np.array(
        [
            correlation
            for one, other in (halves, halves[::-1])
            for event in denoise(one, model, NETWORK)
            if isinstance(event, MicrographDenoised)
            for correlation in by_block(event.micrograph, other)
        ]
    )


def by_block(one: Micrograph, other: Micrograph) -> list[float]:
    """Return the correlation in the particle band of each block."""
    size = one.pixel_size or 1.0
    pairs = zip(blocks(one.data, BLOCK), blocks(other.data, BLOCK), strict=True)
    return [float(agreement_by_band(a, b, size, [PARTICLES]).correlation[0]) for a, b in pairs]


def main() -> None:
    """Print a line for each epoch, and what both choices give on the right half."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("even", type=Path)
    parser.add_argument("odd", type=Path)
    parser.add_argument("--start-from", choices=("general", "scratch"), default="general")
    parser.add_argument("--epochs", type=int, default=10)
    chosen = parser.parse_args()
    whole = [micrographs.read(path) for path in (chosen.even, chosen.odd)]
    middle = whole[0].data.shape[1] // 2
    left, right = (
        tuple(replace(half, data=np.ascontiguousarray(half.data[part])) for half in whole)
        for part in (np.s_[:, :middle], np.s_[:, middle:])
    )
    settings = TrainingSettings(
        start_from=chosen.start_from,
        epochs=chosen.epochs,
        device="cpu",
        steps_per_epoch=20,
        patch=128,
        batch=4,
    )
    started, epochs = trained(left, settings)
    by_band = max(epochs[1:], key=lambda epoch: epoch.quality.band or 0.0)
    by_loss = min(epochs[1:], key=lambda epoch: epoch.validation_loss)
    one, other = (judged(right, started, epoch) for epoch in (by_band, by_loss))
    print("raw", np.mean(by_block(*right)))
    for name, epoch, found in (
        ("band", by_band, one),
        ("loss", by_loss, other),
        ("difference", by_band, one - other),
    ):
        error = found.std() / len(found) ** 0.5
        print(f"by {name}: epoch {epoch.epoch}, {found.mean():.5f} ± {error:.5f}")


if __name__ == "__main__":
    main()
