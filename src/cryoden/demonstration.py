"""The whole way on simulated halves: written to disk, trained on, denoised."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cryoden import mrc, pipeline
from cryoden.events import BatchEvent, TrainingEvent
from cryoden.micrograph import Windowed
from cryoden.outputs import make_folder
from cryoden.publish import publishing
from cryoden.settings import DenoisingSettings, TrainingSettings
from cryoden.simulate import sample_pairs

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
    yield from pipeline.train_halves(pipeline.open_halves(paths), output / MODEL, settings, overwrite=True)


def denoise(output: Path) -> Iterator[BatchEvent]:
    """Denoise what `train` wrote, with the model it left."""
    batch = pipeline.Batch(output / MODEL, DenoisingSettings(), overwrite=True)
    yield from pipeline.denoise_files([output / MICROGRAPHS], output / RESULTS, batch)


def _written(half: Windowed, folder: Path) -> Path:
    height, width = half.shape
    path = folder / f"{half.name}.mrc"
    with publishing(path, overwrite=True) as temporary:
        pixels = half.window(0, 0, height, width)
        mrc.write(temporary, pixels, pixel_size=half.pixel_size, label="cryoden: simulated half")
    return path
