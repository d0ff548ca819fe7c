"""Every third pair of micrographs is denoised by a network trained on the other pairs.

    python benchmarks/held_out_pairs.py FOLDER supervised|noise2noise MINUTES

FOLDER holds ``<name>_frame.mrc`` and ``<name>_rest.mrc``. For each pair left out the table says r with
the raw target of the raw noisy micrograph, of its best Gaussian low-pass, chosen knowing the
target, of the Gaussian of 6 px, and of the denoised one.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from half_correlation import WIDTHS, clipped

from cryoden.denoising.denoise import Denoiser
from cryoden.events.batch import MicrographDenoised
from cryoden.formats import micrographs
from cryoden.image.correlation import pearson
from cryoden.image.filters import gaussian
from cryoden.micrograph import HalfPair, Pixels
from cryoden.model.checkpoint import load
from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.training import TrainingSettings
from cryoden.workflows import train_model

Files = tuple[Path, Path]


def trained(pairs: Sequence[Files], mode: str, minutes: float) -> Path:
    """Return the model file of a run on these pairs, or the one it began with where nothing was better."""
    opened = [
        (micrographs.open_micrograph(noisy), micrographs.open_micrograph(target)) for noisy, target in pairs
    ]
    model = Path(tempfile.mkdtemp()) / "model.safetensors"
    settings = TrainingSettings(minutes=minutes)
    if mode == "supervised":
        events = train_model.train_supervised(opened, model, settings)
    else:
        events = train_model.train_halves([HalfPair(*pair) for pair in opened], model, settings)
    *_, last = events
    print(last.message, f"{last.epochs} epochs, {last.elapsed:.0f} s", flush=True)
    return model if model.exists() else GENERAL


def denoised(path: Path, model: Path) -> Pixels:
    """Return the denoised micrograph."""
    *_, last = Denoiser(load(model), DenoisingSettings()).denoise(micrographs.read(path))
    assert isinstance(last, MicrographDenoised)
    return last.micrograph.data


def row(noisy: Path, target: Path, model: Path) -> list[float]:
    """Return r of raw, best Gaussian, Gaussian of 6 px and denoised with the raw target."""
    image, truth = clipped(noisy), clipped(target)
    smoothed = {width: pearson(gaussian(image, width), truth) for width in WIDTHS}
    found = pearson(denoised(noisy, model), truth)
    return [pearson(image, truth), max(smoothed.values()), smoothed[6], found]


def main() -> None:
    """Print the table."""
    folder, mode, minutes = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    noisy = sorted(folder.glob("*_frame.mrc"))
    pairs = [(path, path.with_name(path.name.replace("_frame", "_rest"))) for path in noisy]
    model = trained([pair for i, pair in enumerate(pairs) if i % 3], mode, minutes)
    rows = {pair[0].name: row(*pair, model) for pair in pairs[::3]}
    print(f"{mode:28}     raw  best Gaussian  6 px  denoised")
    for name, values in rows.items():
        print(f"{name:28}" + "".join(f"{value:9.4f}" for value in values))
    print(f"{'mean':28}" + "".join(f"{value:9.4f}" for value in np.mean(list(rows.values()), axis=0)))


if __name__ == "__main__":
    main()
