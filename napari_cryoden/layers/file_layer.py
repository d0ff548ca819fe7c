"""The layer of a file: a micrograph as a whole, a stack plane by plane; and layers of the sample data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cryoden.dataset.opening import read_micrograph
from cryoden.errors import Remark
from cryoden.micrograph import Micrograph
from cryoden.settings.reading import ReadingSettings
from cryoden.simulation.sample import sample_pairs as halves_of_the_sample
from napari_cryoden.layers.layer_data import AXES, LayerData, opened_layer, raw_layer
from napari_cryoden.layers.lazy_stack import stack_of
from napari_cryoden.layers.picture import Levels

FileLayer = tuple[Any, dict[str, Any], str]


def of_file(
    path: Path, reading: ReadingSettings | None = None, listed: float | None = None
) -> tuple[FileLayer, tuple[Remark, ...]]:
    """Return the layer of a file, and what is odd about it; ``listed`` is the Å/px of a list.

    The planes of a stack are read when they come into view.

    Raises
    ------
    MicrographError
        For a file that is no micrograph, or a volume, or of particles.
    """
    stack = stack_of(path, reading, listed)
    if stack is None:
        micrograph = read_micrograph(path, reading, listed)
        return opened_layer(micrograph), micrograph.warnings
    first = stack.first_good()
    _, kwargs, kind = opened_layer(first)
    if "scale" in kwargs:
        kwargs |= {"scale": (1, *kwargs["scale"]), "units": ("pixel", *kwargs["units"])}
    stack.pyramid((len(stack) - 1) // 2)  # which napari shows first: made here, and not where it is drawn
    levels = stack.levels
    kwargs |= {"axis_labels": ("plane", *AXES), "multiscale": len(levels) > 1}
    return (Levels(levels) if len(levels) > 1 else stack, kwargs, kind), first.warnings


def sample_pairs() -> list[LayerData]:
    """Return even and odd halves of two simulated micrographs as layers, without any file.

    They carry the names that motion correction gives to halves, so that "Train a denoiser"
    finds the pairs.
    """
    halves = [half for pair in halves_of_the_sample() for half in (pair.even, pair.odd)]
    return [
        raw_layer(Micrograph(half.window(0, 0, *half.shape), half.pixel_size, half.name)) for half in halves
    ]
