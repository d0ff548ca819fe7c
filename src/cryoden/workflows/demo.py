"""The whole way on simulated halves: written to disk, trained on, denoised."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cryoden.dataset import opening
from cryoden.dataset.output_paths import make_folder
from cryoden.events.batch import BatchEvent
from cryoden.events.training import TrainingEvent
from cryoden.io import mrc
from cryoden.io.atomic import atomic_write
from cryoden.micrograph import Windowed
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.training import TrainingSettings
from cryoden.simulation.sample import sample_pairs
from cryoden.workflows import denoise_micrographs, train_model

MODEL, MICROGRAPHS, RESULTS = "demo.safetensors", "micrographs", "denoised"


def train(output: Path, settings: TrainingSettings) -> Iterator[TrainingEvent]:
    """Write the simulated halves below ``output`` and train on them.

    Raises
    ------
    OutputError
        When ``output`` cannot be written to.
    """
    folder = output / MICROGRAPHS
    make_folder(folder)
    paths = [_written(half, folder) for pair in sample_pairs() for half in (pair.even, pair.odd)]
    yield from train_model.train_halves(opening.open_halves(paths), output / MODEL, settings, overwrite=True)


def denoise(output: Path) -> Iterator[BatchEvent]:
    """Denoise what `train` wrote, with the model it left."""
    batch = denoise_micrographs.BatchRequest(output / MODEL, DenoisingSettings(), overwrite=True)
    yield from denoise_micrographs.denoise_files([output / MICROGRAPHS], output / RESULTS, batch)


def _written(half: Windowed, folder: Path) -> Path:
    height, width = half.shape
    path = folder / f"{half.name}.mrc"
    with atomic_write(path, overwrite=True) as temporary:
        pixels = half.window(0, 0, height, width)
        mrc.write(temporary, pixels, pixel_size=half.pixel_size, label="cryoden: simulated half")
    return path
